import { RecordBatchReader, type Field, type RecordBatch } from 'apache-arrow/Arrow.dom';

export interface ArrowStream {
  fields: Field[];
  batches: AsyncIterable<RecordBatch>;
}

/**
 * Reads the batches of an Arrow response as they arrive. Throws if the response is cut off. Arrow's
 * own reader does not detect this between two batches.
 */
export async function openArrow(response: Response): Promise<ArrowStream> {
  const arrived = new Arrived(response);
  const reader = await RecordBatchReader.from(arrived.chunks());
  await reader.open();
  arrived.throwIfBroken();
  async function* batches() {
    yield* reader;
    arrived.throwIfBroken();
  }
  return { fields: reader.schema.fields, batches: batches() };
}

class Arrived {
  private broken: { by: unknown } | null = null;

  constructor(private readonly response: Response) {}

  async *chunks(): AsyncGenerator<Uint8Array> {
    const reader = this.response.body?.getReader();
    try {
      for (;;) {
        const chunk = await reader?.read();
        if (!chunk?.value) return;
        yield chunk.value;
      }
    } catch (error) {
      this.broken = { by: error };
    } finally {
      // The caller reads no further, so the response is cancelled.
      void reader?.cancel().catch(() => undefined);
    }
  }

  throwIfBroken(): void {
    if (this.broken !== null) throw this.broken.by;
  }
}
