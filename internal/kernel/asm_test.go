package kernel

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"
)

// asmLines calls f for every line of the assembly files that match.
func asmLines(t *testing.T, pattern string, f func(file string, n int, line string)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files match %s (%v)", pattern, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(data), "\n") {
			f(file, i+1, line)
		}
	}
}

var vectorOperand = regexp.MustCompile(`\b[XYZ][0-9]+\b`)

// TestNoLegacySSE, of the matrix products too: mixing SSE encodings with dirty upper halves costs a
// hundred times the instruction, so that every vector instruction is VEX or
// EVEX, and the upper halves are clean at the end.
func TestNoLegacySSE(t *testing.T) {
	clean := true
	checked := 0
	asmLines(t, "../*/*_amd64.s", func(file string, n int, line string) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "//") {
			return
		}
		switch {
		case fields[0] == "VZEROUPPER":
			clean = true
		case vectorOperand.MatchString(line):
			checked++
			clean = false
			if fields[0][0] != 'V' && fields[0][0] != 'K' {
				t.Errorf("%s:%d: legacy encoding: %s", file, n, line)
			}
		case fields[0] == "RET" && !clean:
			t.Errorf("%s:%d: RET without VZEROUPPER", file, n)
		}
	})
	if checked == 0 {
		t.Error("no vector instruction was found")
	}
}

// TestWordsAreWhatTheySay decodes every instruction that is written as a
// number for want of an assembler that knows it.
func TestWordsAreWhatTheySay(t *testing.T) {
	checked := 0
	asmLines(t, "../*/*_arm64.s", func(file string, n int, line string) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "WORD" {
			return
		}
		checked++
		word, err := strconv.ParseUint(strings.TrimPrefix(fields[1], "$"), 0, 32)
		if err != nil {
			t.Fatalf("%s:%d: %v", file, n, err)
		}
		_, comment, _ := strings.Cut(line, "// ")
		var code [4]byte
		binary.LittleEndian.PutUint32(code[:], uint32(word))
		inst, err := arm64asm.Decode(code[:])
		if err != nil {
			t.Errorf("%s:%d: %#08x does not decode: %v", file, n, word, err)
			return
		}
		if got := normalize(inst.String()); got != normalize(comment) {
			t.Errorf("%s:%d: %#08x is %q, the comment says %q", file, n, word, got, comment)
		}
	})
	if checked == 0 {
		t.Error("no WORD was found")
	}
}

// normalize undoes the decoder's aliases and spellings of the same instruction.
func normalize(s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	s = strings.NewReplacer("#0X", "#0x", ", ", ",", "#0.0", "#0").Replace(s)
	fields := strings.SplitN(s, " ", 2)
	if len(fields) < 2 {
		return s
	}
	name, ops := fields[0], strings.Split(fields[1], ",")
	switch {
	case name == "MOV" && len(ops) == 2: // ORR Vd, Vn, Vn
		name, ops = "ORR", []string{ops[0], ops[1], ops[1]}
	case name == "MVN":
		name = "NOT"
	}
	for i, o := range ops {
		if strings.HasPrefix(o, "#") {
			if v, err := strconv.ParseInt(o[1:], 0, 64); err == nil {
				ops[i] = "#" + strconv.FormatInt(v, 10)
			}
		}
	}
	return name + " " + strings.Join(ops, ",")
}
