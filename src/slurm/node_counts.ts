/** Numbers of nodes that a job may run on (`--nodes=1,2,4`): those whose ranks divide the batch. */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import type { RunConfig } from "../options/config.ts";
import type { ParsedCommandLine } from "../options/parse.ts";
import { normalisedValues } from "../options/rules.ts";

/** Usable numbers of nodes. */
export interface NodeCounts {
  /** The numbers, in ascending order; at least one. */
  counts: number[];
  /** The options of a job on the most nodes. */
  parsed: ParsedCommandLine;
  /** Notes on the others, and on what changes with the number. */
  notes: string[];
}

/**
 * Returns the numbers of nodes on which a job can run.
 *
 * @param parse resolves the options of a job on so many nodes
 * @throws the error of `parse` on the fewest nodes, where the job can run on no number
 */
export function usableCounts(
  counts: readonly number[],
  parse: (nodes: number) => ParsedCommandLine,
): NodeCounts {
  const tried = counts.map((nodes) => ({ nodes, ...attempt(() => parse(nodes)) }));
  const usable = tried.flatMap(({ nodes, parsed }) => parsed ? [{ nodes, parsed }] : []);
  const largest = usable.at(-1);
  if (largest === undefined) throw tried[0]!.error;
  const leftOut = tried.flatMap(({ nodes, error }) =>
    error === undefined ? [] : [`--nodes=${nodes} is left out: ${error.message}`]
  );
  return {
    counts: usable.map(({ nodes }) => nodes),
    parsed: largest.parsed,
    notes: [...leftOut, ...statisticsNotes(usable)],
  };
}

function attempt(
  parse: () => ParsedCommandLine,
): { parsed?: ParsedCommandLine; error?: UserError } {
  try {
    return { parsed: parse() };
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode !== ExitCode.usage) throw error;
    return { error };
  }
}

/** Returns a note where the batch statistics are over other numbers of values on other numbers of nodes. */
function statisticsNotes(
  usable: readonly { nodes: number; parsed: ParsedCommandLine }[],
): string[] {
  const values = usable.map(({ nodes, parsed: { config } }) => ({
    nodes,
    values: normalisedValues(config),
  }));
  if (new Set(values.map((one) => one.values)).size <= 1) return [];
  const list = values.map(({ nodes, values }) => `${values} on --nodes=${nodes}`).join(", ");
  return [
    `Batch normalisation is over ${list} values: the result depends on the nodes that the job gets; ` +
    wayToSame(usable.map(({ parsed }) => parsed.config)),
  ];
}

/** Returns the advice by which batch normalisation is over the same number of images on all numbers of nodes. */
function wayToSame(configs: readonly RunConfig[]): string {
  const { batchSize, ranks, syncBn } = configs.at(-1)!;
  return syncBn
    ? "--accumulate_steps=N in place of --max_batch_per_rank keeps it"
    : `--max_batch_per_rank=${batchSize / ranks}, without --accumulate_steps, keeps it`;
}
