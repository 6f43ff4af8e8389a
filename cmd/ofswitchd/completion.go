package main

import "ofswitch/cmd/internal/completion"

// choices are the values of flags that have few.
var choices = map[string][]string{
	"completion": completion.Shells,
	"fail-mode":  {"standalone", "secure"},
	"log-level":  {"debug", "info", "warn", "error"},
	"protocols":  {"OpenFlow10", "OpenFlow13", "OpenFlow10,OpenFlow13"},
}
