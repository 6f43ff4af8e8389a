// Package completion writes what shells complete of our programs: scripts for
// bash, zsh and fish, made from the very table that the program parses its
// command line with, so that they know what it knows.
//
// Which words stand for bridges, devices and files is read from a verb's usage
// text: "SWITCH FILE" completes a bridge and then a file.
package completion
