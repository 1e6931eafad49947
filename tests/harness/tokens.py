"""Tokens, created with the tool as a user would."""

import json
import subprocess
from pathlib import Path
from typing import Any

from harness import programs
from harness.lake import Lake


class Tokens:
    """The tokens of a lake. Create it before its daemons start, because it creates the file."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self.path = lake.folder / "tokens.toml"
        lake.set("auth", tokens_path=str(self.path))

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [programs.program("tarn"), "token", *arguments, "--tokens", str(self.path)],
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )

    def create(
        self,
        name: str,
        *roles: str,
        datasets: tuple[str, ...] = (),
        prefixes: tuple[str, ...] = (),
        weight: int = 1,
    ) -> str:
        arguments = [f"--role={role}" for role in roles or ("query",)]
        arguments += [f"--dataset={dataset}" for dataset in datasets]
        arguments += [f"--prefix={prefix}" for prefix in prefixes]
        arguments.append(f"--weight={weight}")
        token = self.run("create", name, *arguments).stdout.strip()
        # The secret part. The rest is in the file and may be shown.
        self._lake.recorder.add_secret("token", token.rpartition("_")[2])
        return token

    def list(self) -> list[dict[str, Any]]:
        return json.loads(self.run("list", "--json").stdout)

    def revoke(self, name: str) -> None:
        self.run("revoke", name)

    def let_queryd_in(self) -> Path:
        """Gives queryd a token for catalogd."""
        path = self._lake.folder / "catalogd-token"
        path.touch(mode=0o600)
        path.write_text(self.create("queryd", "catalog") + "\n")
        self._lake.set("queryd", catalogd_token_path=str(path))
        return path
