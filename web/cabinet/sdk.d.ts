// The types of sdk.js, which is generated and says none itself.
export * from "../sdk.js";
