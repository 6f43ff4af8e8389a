// Package vswitch is the schema of Open vSwitch's configuration database
// (ovs-vswitchd.conf.db(5)), version 8.3.1, in a form of our own.
package vswitch
