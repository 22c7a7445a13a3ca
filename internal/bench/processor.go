package bench

import (
	"bufio"
	"os"
	"runtime"
	"strings"
)

// Processor returns the name of the processor where the system tells it, and
// the architecture elsewhere.
func Processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	for scan := bufio.NewScanner(file); scan.Scan(); {
		name, value, ok := strings.Cut(scan.Text(), ":")
		if ok && strings.TrimSpace(name) == "model name" {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return runtime.GOARCH
}
