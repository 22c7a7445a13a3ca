package bench

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bindThread keeps the calling thread on the processor that it runs on: its
// caches hold the operands. Where the system refuses, the thread wanders.
func bindThread() {
	var processor uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&processor)), 0, 0); errno != 0 {
		return
	}
	var set unix.CPUSet
	set.Set(int(processor))
	_ = unix.SchedSetaffinity(0, &set)
}

// enoughMemory returns an error where the machine cannot hold so many bytes.
func enoughMemory(bytes int) error {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return nil
	}
	if have := uint64(info.Totalram) * uint64(info.Unit); uint64(bytes) > have*9/10 {
		return fmt.Errorf("the largest size needs %.1f GiB of memory and this machine has %.1f; choose smaller sizes",
			float64(bytes)/(1<<30), float64(have)/(1<<30))
	}
	return nil
}
