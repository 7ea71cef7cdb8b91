// Package config gathers the configuration of every package into one struct, loads it from its five sources, and
// refuses whatever it does not understand.
//
// From weakest to strongest: the defaults, a YAML file, environment variables (WEIR_FLOW_IDLE_TCP for
// flow.idle.tcp), --set key=value, and a command's own flags. Each value is read according to the type of its key as
// soon as its source names it, so that a wrong value is reported even where a stronger source overrides it. Values
// that read well are then layered by viper and decoded into Config, and each package judges its own part. All
// problems are reported together, one per line.
//
// Nothing here keeps state between calls; every function may be called from any goroutine.
package config
