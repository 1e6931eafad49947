import type { CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import type { SQLNamespace } from '@codemirror/lang-sql';
import type { Dataset } from '../api/catalog';
import { quoteName } from '../data/names';

/** Datasets and, behind `dataset.` or its alias, their columns. */
export function schemaOf(datasets: Dataset[]): SQLNamespace {
  return Object.fromEntries(
    datasets.map((dataset) => [
      // Dots would part it into a schema and a table.
      dataset.name.replaceAll('.', '\\.'),
      {
        self: { label: dataset.name, apply: quoteName(dataset.name), type: 'type' },
        children: (dataset.columns ?? []).map(({ name, type }) => ({
          label: name,
          apply: quoteName(name),
          detail: type,
          type: 'property',
        })),
      },
    ]),
  );
}

/** Columns without a dataset in front of them, of those datasets that the text speaks of. */
export function columnsOfText(datasets: () => Dataset[]) {
  return (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/[\w"]+/);
    if (word === null && !context.explicit) return null;
    const from = word?.from ?? context.pos;
    if (context.state.sliceDoc(from - 1, from) === '.') return null;
    const text = context.state.doc.toString().toLowerCase();
    const options = datasets()
      .filter((dataset) => text.includes(dataset.name.toLowerCase()))
      .flatMap((dataset) =>
        (dataset.columns ?? []).map(({ name, type }) => ({
          label: name,
          apply: quoteName(name),
          type: 'property',
          detail: `${type}  ${dataset.name}`,
          boost: 1,
        })),
      );
    return options.length === 0 ? null : { from, options, validFor: /^[\w"]*$/ };
  };
}
