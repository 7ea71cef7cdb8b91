// Package plots draws what an evaluation found, with gonum/plot, as PNG and SVG.
package plots
