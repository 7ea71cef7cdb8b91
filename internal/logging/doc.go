// Package logging makes the program's logger from its part of the configuration.
package logging
