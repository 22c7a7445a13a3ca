// Command bochs-init is the first and only process of the machine that
// .ci/bochs emulates. It runs the test binaries it finds in /tests/N/, each in
// its own folder with the arguments in /args, prints the first exit status
// that is not zero, and powers the machine off.
//
// It needs Linux and no library, and everything it prints goes to the console,
// which is a serial line that .ci/bochs reads.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// needed are the flags of /proc/cpuinfo without which the AVX-512 kernels
// cannot run. A machine without them would run other kernels and prove nothing.
var needed = []string{"avx2", "fma", "f16c", "avx512f", "avx512vl", "avx512bw", "avx512dq"}

func main() {
	fmt.Println("\nbochs-init: start") // .ci/bochs prints what follows this line
	status, err := runAll()
	if err != nil {
		fmt.Println("bochs-init:", err)
		status = 1
	}
	fmt.Println("\nbochs-init: status", status)
	powerOff()
}

func runAll() (status int, err error) {
	for _, m := range []struct{ kind, dir string }{{"proc", "/proc"}, {"devtmpfs", "/dev"}} {
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return 0, err
		}
		if err := syscall.Mount(m.kind, m.dir, m.kind, 0, ""); err != nil {
			return 0, fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	if err := os.MkdirAll("/tmp", 0o777); err != nil {
		return 0, err
	}
	if err := checkProcessor(); err != nil {
		return 0, err
	}

	args, err := readArgs("/args")
	if err != nil {
		return 0, err
	}
	binaries, err := filepath.Glob("/tests/*/*.test")
	if err != nil {
		return 0, err
	}
	if len(binaries) == 0 {
		return 0, errors.New("no test binary in /tests")
	}
	for _, b := range binaries {
		s, err := run(b, args)
		if err != nil {
			return 0, err
		}
		if status == 0 {
			status = s
		}
	}
	return status, nil
}

func checkProcessor() error {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err
	}
	var flags []string
	for line := range strings.Lines(string(info)) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "model name":
			fmt.Println("bochs-init: processor", strings.TrimSpace(value))
		case "flags":
			flags = strings.Fields(value)
		}
	}
	var missing []string
	for _, f := range needed {
		if !slices.Contains(flags, f) {
			missing = append(missing, f)
		}
	}
	if missing != nil {
		return fmt.Errorf("the emulated processor lacks %s", strings.Join(missing, ", "))
	}
	return nil
}

// readArgs returns the strings of a file, each of which a zero byte ends.
func readArgs(name string) ([]string, error) {
	data, err := os.ReadFile(name)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00"), nil
}

// run returns the exit status of a test binary, 128 plus the number of the
// signal for one that a signal ended, as a shell does.
func run(binary string, args []string) (int, error) {
	cmd := exec.Command(binary, args...)
	cmd.Dir = filepath.Dir(binary)
	cmd.Env = []string{"CI=true", "HOME=/tmp", "TMPDIR=/tmp", "ISRLU_SIMD=avx512"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	start := time.Now()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("%w (linked statically, with CGO_ENABLED=0?)", err)
	}
	status := cmd.ProcessState.ExitCode()
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		status = 128 + int(ws.Signal())
	}
	fmt.Printf("\nbochs-init: %s exit status %d, %.1f s of guest time\n",
		filepath.Base(binary), status, time.Since(start).Seconds())
	return status, nil
}

func powerOff() {
	const tcsbrk, drain = 0x5409, 1
	// Without this the last lines stay in the serial line's buffer.
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 1, tcsbrk, drain)
	if errno != 0 {
		fmt.Println("bochs-init: drain the console:", errno)
	}
	if err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("bochs-init: power off:", err)
	}
	select {} // a first process that returns is a kernel panic
}
