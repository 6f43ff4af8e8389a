// Package testutil holds what integration tests share: network namespaces,
// programs to run in them, and the checks that say, loudly, why a test cannot
// run here. Imported by tests only.
package testutil
