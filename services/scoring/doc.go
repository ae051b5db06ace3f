// Package scoring is the service behind lendgate.scoring.v1: it decides applications by versioned policies and keeps every decision.
//
// It owns the schema "scoring": the policies of each lender and product, and the decisions. It promises that
//   - a decision is taken once for a request_id and never changed afterwards, by anybody: the database refuses;
//   - the decision, its policy, its facts and its trace together decide the same again, and the fact is told (DecisionTaken) if and only if
//     it was recorded;
//   - a policy is checked before it is kept, is never changed, and decides from the day it comes into force;
//   - what tells of a person's money is sealed with that person's key, and stands in no column, log, event or error in clear.
//
// All deciding is done by pure subpackages: policy reads the document and puts a decision together from feature (the dictionary of facts),
// rules, scorecard and limit. The service reads rows, asks them, and writes rows.
//
// It does not gather facts or ask bureaus (flows sends what is known), does not price or offer loans (loans), and keeps no limit for later:
// a decision is about one application. Fitting scorecards to data is work of those who write policies.
package scoring
