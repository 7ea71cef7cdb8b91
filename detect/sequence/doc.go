// Package sequence predicts, with a small recurrent network, what each host will do in its next 10 s, and is surprised
// where it does something else.
//
// A host's step is a vector of logarithms of counts. A gated recurrent unit (Cho and others 2014, in the form of which the
// candidate state's recurrent part is gated after its matrix) reads the steps in which the host was active, one after
// another, and a linear layer predicts the next. The score is the root mean square of the prediction's errors, each
// divided by what it was on good traffic that training did not see. Train fits the network by truncated backpropagation
// and Adam (Kingma and Ba 2015).
package sequence
