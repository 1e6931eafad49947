import pytest
from harness.tool import Tool


@pytest.fixture
def run(lake) -> Tool:
    return Tool(lake)
