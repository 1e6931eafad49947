import type { CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import type { SQLNamespace } from '@codemirror/lang-sql';
import type { Dataset } from '../api/catalog';
import { quoteName } from '../data/names';

/** Completes datasets, and their columns after `dataset.` or an alias. */
export function schemaOf(datasets: Dataset[]): SQLNamespace {
  return Object.fromEntries(
    datasets.map((dataset) => [
      // An unescaped dot would separate a schema and a table.
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

/** Completes columns without a dataset in front of them, from the datasets named in the text. */
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
