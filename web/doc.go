// Package web holds the browser apps and serves them at the edge's own address, so that they need no CORS and no second host.
//
// It owns the borrower's cabinet (cabinet/): pages of plain ES modules that are embedded as they are. Building the platform needs no Node;
// only cabinet/sdk.js is generated, from the TypeScript SDK, and `make drift` checks that it is current.
//
// It promises that every answer bears a content security policy that runs no script but ours from this address, that nobody may frame the
// pages, and that a new release reaches browsers at their next visit: files are asked for again by ETag each time.
//
// It does not hold data, sessions or keys: the pages are the same for everybody, and everything personal goes through the signed API.
package web
