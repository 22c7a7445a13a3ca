// Package noescape hides pointers from escape analysis, which must assume that a
// kernel called through a table keeps what it is given. No kernel does, and so the
// buffers of callers may live on the stack.
package noescape

import "unsafe"

// Pointer returns p.
//
// The stack may move at any call, and x would not move with it: there must be
// none between the two lines. The checks of pointers that the race detector turns
// on are such calls.
//
//go:nocheckptr
func Pointer[T any](p *T) *T {
	x := uintptr(unsafe.Pointer(p))
	return *(**T)(unsafe.Pointer(&x))
}
