/** Checks the screens catalogue and writes ../catalog/catalog.md: `npm run catalog`. */
import { writeFileSync } from "node:fs";

import { catalogueText, checkCatalogue, loadScreens } from "./screens.js";
import { contracts, loadFixtures } from "./fixture.js";

const [catalogue, fixtures] = [loadScreens(), loadFixtures()];
const faults = checkCatalogue(catalogue, fixtures);
for (const fault of faults) {
  console.error(`✗ ${fault}`);
}
writeFileSync(new URL("catalog/catalog.md", contracts), catalogueText(catalogue, fixtures));
console.log(`${catalogue.screens.length} screens, ${fixtures.length} fixtures, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
