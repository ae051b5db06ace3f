/** Replays all golden calls against a running platform: `npm run replay -- --platform ../../.lendgate/platform.json`. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { loadScreens } from "./screens.js";
import { loadFixtures } from "./fixture.js";
import { Journey, type Platform } from "./journey.js";
import { type Outcome, replayAll } from "./run.js";

const usage = `usage: npm run replay -- (--platform FILE | --edge URL --simulators URL) [--binary] [--only TEXT] [--update --reason TEXT]

  --platform   the platform's own note of where it listens: platform.json in its data folder
  --edge, --simulators   the same by hand
  --binary     speak binary Protobuf instead of JSON; the golden bodies are the same
  --only       report only the fixtures whose name contains the text; the journey is walked all the same
  --update     rewrite golden bodies that differ; --reason says why, for the commit`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      platform: { type: "string" },
      edge: { type: "string" },
      simulators: { type: "string" },
      binary: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      update: { type: "boolean", default: false },
      reason: { type: "string", default: "" },
    },
  });
  const platform = findPlatform(values);
  if (platform === undefined || (values.update && values.reason === "")) {
    console.error(usage);
    return 2;
  }
  const budgets = new Map(loadScreens().screens.map(({ id, calls, budget }) => [`${id} ${calls[0]?.rpc}`, budget.json_bytes]));
  const counts = { passed: 0, failed: 0, updated: 0 };
  const journey = await Journey.begin(platform);
  const began = performance.now();
  try {
    await replayAll(loadFixtures(), journey, { update: values.update, budgets }, (outcome) => {
      if (outcome.fixture.name.includes(values.only)) {
        tell(outcome);
        counts[outcome.faults.length === 0 ? "passed" : "failed"]++;
        counts.updated += Number(outcome.updated);
      }
    });
  } finally {
    journey.close();
  }
  if (counts.updated > 0) {
    console.log(`\nfixtures: ${counts.updated} golden bodies rewritten: ${values.reason}`);
  }
  console.log(`\nin ${((performance.now() - began) / 1000).toFixed(1)} s`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

function findPlatform(values: { platform?: string | undefined; edge?: string | undefined; simulators?: string | undefined; binary: boolean }): Platform | undefined {
  const { edge, simulators, binary } = values;
  if (values.platform !== undefined) {
    const file = JSON.parse(readFileSync(values.platform, "utf8")) as { edge_url: string; simulators_url: string };
    return { edge: file.edge_url, simulators: file.simulators_url, binary };
  }
  return edge !== undefined && simulators !== undefined ? { edge, simulators, binary } : undefined;
}

function tell({ fixture, faults, updated, milliseconds }: Outcome): void {
  const how = fixture.given.fault === undefined ? `${milliseconds.toFixed(0)} ms` : "made by bff/mobile, read by the SDK";
  const mark = faults.length > 0 ? "✗" : updated ? "↻" : "✓";
  console.log(`${mark} ${fixture.name.padEnd(32)} ${(fixture.call.rpc ?? fixture.call.event ?? "").padEnd(38)} ${how}`);
  for (const fault of faults) {
    console.log(`    ${fault}`);
  }
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(String(error));
  return 2;
});
