// Package learn fits classifiers of two classes to rows of numbers, and says how good they are. It knows nothing of traffic:
// what a column means, and which rows may be in one training set, is its callers' business.
//
//	rows ─ Folds, HoldOut ─▶ SGD, Logistic, Trees ─▶ Model ─ Calibrate ─▶ Probability
//	                                                  └─ scores ─▶ ROC, Bootstrap, Brier, ECE
//
// A Model is one value that becomes JSON and comes back as it was; reading refuses what does not fit together. Everything is
// deterministic: the same rows in the same order, settings and seed give the same model. Nothing here is safe for concurrent
// use while it is being fitted; a fitted Model is, as long as nobody calibrates it.
package learn
