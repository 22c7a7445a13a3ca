//go:build unix

package guard

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// End returns n zero elements of a type without pointers whose last byte is
// followed by a page without access. They are gone when the test ends.
func End[T any](t testing.TB, n int) []T {
	t.Helper()
	size := sizeOf[T](n)
	m := protected(t, size)
	return unsafe.Slice((*T)(unsafe.Pointer(&m[len(m)-os.Getpagesize()-size])), n)
}

// Begin returns n zero elements of a type without pointers whose first byte
// follows a page without access. They are gone when the test ends.
func Begin[T any](t testing.TB, n int) []T {
	t.Helper()
	m := protected(t, sizeOf[T](n))
	return unsafe.Slice((*T)(unsafe.Pointer(&m[os.Getpagesize()])), n)
}

// protected maps at least size bytes between two pages without access.
func protected(t testing.TB, size int) []byte {
	t.Helper()
	page := os.Getpagesize()
	total := (size+page)/page*page + 2*page // one byte to spare, so that &m[page] exists for size 0
	m, err := unix.Mmap(-1, 0, total, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("guard: mapping %d bytes: %v", total, err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(m); err != nil {
			t.Errorf("guard: unmapping: %v", err)
		}
	})
	for _, p := range [][]byte{m[:page], m[total-page:]} {
		if err := unix.Mprotect(p, unix.PROT_NONE); err != nil {
			t.Fatalf("guard: protecting a page: %v", err)
		}
	}
	return m
}
