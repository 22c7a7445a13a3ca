// Package guard makes slices that catch accesses beyond their ends: they lie
// against a page that may not be touched. Where there are no such pages,
// the slices lie between elements that are checked when the test ends.
//
// It is for tests of assembly, which no bounds check protects.
package guard

import "unsafe"

func sizeOf[T any](n int) int {
	var z T
	return n * int(unsafe.Sizeof(z))
}
