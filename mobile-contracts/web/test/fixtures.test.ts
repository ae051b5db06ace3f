import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { checkConsumer } from "../replay/consumer.js";
import { contracts, loadFixtures } from "../replay/fixture.js";
import { mask, MaskError } from "../replay/mask.js";
import { catalogueText, checkCatalogue, loadScreens } from "../replay/screens.js";

const fixtures = loadFixtures();

for (const fixture of fixtures) {
  test(`an app understands ${fixture.name}`, () => {
    assert.deepEqual(checkConsumer(fixture), []);
  });
}

test("the screens catalogue is true to the contract and the fixtures", () => {
  assert.deepEqual(checkCatalogue(loadScreens(), fixtures), []);
});

test("catalog.md is written from the catalogue as it is", () => {
  assert.equal(readFileSync(new URL("catalog/catalog.md", contracts), "utf8"), catalogueText(loadScreens(), fixtures), "run: npm run catalog");
});

test("a mask keeps what ids say about each other", () => {
  const [a, b] = ["loan_01k9zzzzzzzzzzzzzzzzzzzzzz", "loan_01k9yyyyyyyyyyyyyyyyyyyyyy"];
  assert.deepEqual(mask({ list: [{ id: a }, { id: b }, { id: a }] }, { "**.id": "id" }), {
    list: [{ id: "loan_00000000000000000000000001" }, { id: "loan_00000000000000000000000002" }, { id: "loan_00000000000000000000000001" }],
  });
});

test("a mask refuses what is not of its kind", () => {
  assert.throws(() => mask({ createTime: "yesterday" }, { "**.createTime": "time" }), MaskError);
  assert.throws(() => mask({ id: "loan_1" }, { "**.id": "id" }), MaskError);
  assert.throws(() => mask({ total: { minorUnits: "1.5", currencyCode: "UAH" } }, { total: "amount" }), MaskError);
});

test("a mask of an amount keeps its currency and how it is written", () => {
  const amount = (minorUnits: string, display: string) => ({ money: { minorUnits, currencyCode: "UAH" }, display });
  for (const [display, masked] of [["₴12,345.67", "₴1"], ["12 345,67 ₴", "1 ₴"], ["-₴1.00", "-₴1"]] as const) {
    assert.deepEqual(mask({ total: amount("1234567", display) }, { total: "amount" }), { total: amount("1", masked) });
  }
  assert.deepEqual(mask({ total: { currencyCode: "UAH" } }, { total: "amount" }), { total: { minorUnits: "1", currencyCode: "UAH" } });
});

test("a volatile list is left out", () => {
  assert.deepEqual(mask({ notices: [{ title: "x" }], state: "OK" }, { notices: "list" }), { state: "OK" });
});

test("the first rule that fits wins, and exact unmasks", () => {
  assert.deepEqual(mask({ a: { number: 3 }, number: "x" }, { "a.number": "exact", "**.number": "text" }), { a: { number: 3 }, number: "demo" });
});
