package eda

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed harness.cpp.txt
var harness string

// A Simulator is a unit that Verilator has compiled.
type Simulator struct{ task *task }

// A Mismatch is an input for which a unit gives another output than expected.
type Mismatch struct{ X, Got, Want uint64 }

// A Comparison is what a Simulator found.
type Comparison struct {
	Count    uint64 // pairs compared
	Failed   uint64 // those that differ, and faults in the handshake
	First    []Mismatch
	Messages []string // of faults in the handshake, the first of them
}

// Verilate compiles a unit, which takes some seconds. Close the Simulator after use.
// The context holds for the Simulator's runs too.
func Verilate(ctx context.Context, verilog string, u Unit) (*Simulator, error) {
	if err := checkName(u.Name); err != nil {
		return nil, err
	}
	t, err := start(ctx, "verilator", map[string]string{u.Name + ".v": verilog, "harness.cpp": harness})
	if err != nil {
		return nil, err
	}
	number := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	flags := fmt.Sprintf("-DIN_WIDTH=%d -DOUT_WIDTH=%d -DSTAGES=%d -DVALID=%d -DREADY=%d -DRESET=%d",
		u.InWidth, u.OutWidth, u.Stages, number(u.Valid), number(u.Ready), number(u.reset()))
	_, err = t.run("verilator", "--cc", "--exe", "--build", "-j", "2", "-O3", "-MAKEFLAGS", "OPT_FAST=-O2 OPT_SLOW=-O0 OPT_GLOBAL=-O1", "-Wno-fatal", "--x-assign", "unique",
		"--prefix", "Vunit", "--top-module", u.Name, "-CFLAGS", flags, "-o", "simulation", u.Name+".v", "harness.cpp")
	if err != nil {
		t.end()
		return nil, err
	}
	return &Simulator{t}, nil
}

// Close removes the compiled unit.
func (s *Simulator) Close() { s.task.end() }

// Compare runs the unit on all the pairs that next gives, until it returns false, and
// compares its outputs with theirs. Bits above the ports' widths do not count.
func (s *Simulator) Compare(next func() (x, y int64, ok bool)) (Comparison, error) {
	cmd := exec.CommandContext(s.task.ctx, filepath.Join(s.task.dir, "obj_dir", "simulation"))
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Stdin = &pairs{next: next}
	err := cmd.Run()
	if err := failure(s.task.ctx, "the simulation", err, out.String()); err != nil {
		return Comparison{}, err
	}
	return parseComparison(out.String())
}

// pairs reads pairs as binary integers.
type pairs struct {
	next func() (x, y int64, ok bool)
	rest []byte
	buf  [1 << 16]byte
}

func (p *pairs) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		n := 0
		for ; n < len(p.buf); n += 16 {
			x, y, ok := p.next()
			if !ok {
				break
			}
			binary.NativeEndian.PutUint64(p.buf[n:], uint64(x))
			binary.NativeEndian.PutUint64(p.buf[n+8:], uint64(y))
		}
		if n == 0 {
			return 0, io.EOF
		}
		p.rest = p.buf[:n]
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func parseComparison(out string) (Comparison, error) {
	var c Comparison
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		var m Mismatch
		if n, _ := fmt.Sscanf(l, "mismatch %x %x %x", &m.X, &m.Got, &m.Want); n == 3 {
			c.First = append(c.First, m)
		} else if n, _ := fmt.Sscanf(l, "PASS %d", &c.Count); n == 1 {
			return c, nil
		} else if n, _ := fmt.Sscanf(l, "FAIL %d %d", &c.Failed, &c.Count); n == 2 {
			return c, nil
		} else {
			c.Messages = append(c.Messages, l)
		}
	}
	return c, fmt.Errorf("eda: the simulation ended without a result:\n%s", tail(out, 12))
}
