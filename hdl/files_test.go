package hdl

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/eda"
)

var update = flag.Bool("update", false, "write testdata")

func files(t *testing.T, u *Unit, im Implementation) map[string][]byte {
	t.Helper()
	f, err := u.Files(im)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The files in testdata are there to be read.
func TestFilesAreAsReviewed(t *testing.T) {
	u := newUnit(t, Options{Function: "isrlu", Format: mustFormat(t, "q3.4"), Bound: 0.8, Family: "rsqrt"})
	dir := filepath.Join("testdata", u.Name())
	got := files(t, u, Implementation{Stages: 2, Handshake: ValidReady, Vectors: 20})
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.Sorted(slices.Values(u.FileNames()))) {
		t.Errorf("the files are %v", names)
	}
	for name, data := range got {
		path := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(path, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s differs (%v); if for good, run go test with -update:\n%s", path, err, data)
		}
		if !u.Wrote(data) {
			t.Errorf("%s does not count as written for the unit", name)
		}
		if u.Wrote(bytes.Replace(data, []byte("isrlu_"), []byte("isru_"), 1)) || u.Wrote([]byte("all:\n")) {
			t.Errorf("the content of another file counts as %s", name)
		}
	}
}

// The command in the header names all that the files depend on.
func TestHeaderSaysHowItWasMade(t *testing.T) {
	u := newUnit(t, Options{Function: "isrlu:3'", Format: mustFormat(t, "q3.4"), Bound: 0.75})
	im := Implementation{Stages: 1, Handshake: Valid, Vectors: 7}
	header := strings.Join(u.header(im), "\n")
	for _, want := range []string{
		"isrlu hdl generate --function isrlu:3 --derivative --format q3.4 --error 0.75 --family " + u.Family() + " --stages 1 --handshake valid --vectors 7\n",
		"y = x >= 0 ? 1 : (1 + alpha x^2)^(-3/2), alpha = 3\n", "at most 0.75 ulp", "of all 256 inputs", u.Architecture(), "Latency       1 cycle\n",
	} {
		if !strings.Contains(header, want) {
			t.Errorf("the header lacks %q:\n%s", want, header)
		}
	}
	again := newUnit(t, Options{Function: "isrlu:3'", Format: mustFormat(t, "q3.4"), Bound: 0.75, Family: u.Family()})
	for name, data := range files(t, again, im) {
		if !bytes.Equal(data, files(t, u, im)[name]) {
			t.Errorf("%s differs when it is made again by its family", name)
		}
	}
	im.Error = Error{Ulps: 0.625, Inputs: 1 << 20}
	if header := strings.Join(u.header(im), "\n"); !strings.Contains(header, "0.6250 ulp measured") || !strings.Contains(header, "1048576 inputs, corner cases and a sample") {
		t.Errorf("the header does not tell the error that was measured later:\n%s", header)
	}
}

func TestImplementationsAreChecked(t *testing.T) {
	u := newUnit(t, Options{Function: "isrlu", Format: mustFormat(t, "q3.4"), Family: "table"})
	for want, im := range map[string]Implementation{
		"got -1": {Stages: -1}, "got 33": {Stages: 33}, "handshake 9": {Handshake: 9}, "got -5": {Vectors: -5}, "got 9999999": {Vectors: 9999999},
	} {
		if _, err := u.Files(im); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", im, err, want)
		}
	}
	for _, name := range HandshakeNames() {
		if h, err := ParseHandshake(name); err != nil || h.String() != name {
			t.Errorf("%s: %v, %v", name, h, err)
		}
	}
	if _, err := ParseHandshake("axi"); err == nil || !strings.Contains(err.Error(), `"axi"; known: none, valid, ready`) {
		t.Error(err)
	}
}

func TestVectorsAreAllInputsOrASample(t *testing.T) {
	small := newUnit(t, Options{Function: "isrlu", Format: mustFormat(t, "q3.4"), Family: "table"})
	if x, what := small.vectors(Implementation{}); len(x) != 256 || what != "all inputs" {
		t.Errorf("%d vectors, %s", len(x), what)
	}
	if x, _ := small.vectors(Implementation{Vectors: 5}); len(x) != 5+len(Corners(small.format)) {
		t.Errorf("%d vectors", len(x))
	}
}

// Fewer levels take more stages, and the least number of them.
func TestStagesForLevels(t *testing.T) {
	u := newUnit(t, Options{Function: "isrlu", Format: mustFormat(t, "q3.4"), Family: "rsqrt"})
	depth := func(stages int) float64 { return u.Pipeline(Implementation{Stages: stages}).Depth }
	last := MaxStages
	for _, levels := range []int{15, 30, 60, 200} {
		s, err := u.StagesFor(levels)
		if err != nil {
			t.Fatal(err)
		}
		if s > last || depth(s) > float64(levels) || s > 1 && depth(s-1) <= float64(levels) {
			t.Errorf("%d levels: %d stages of %v, one less has %v", levels, s, depth(s), depth(s-1))
		}
		last = s
	}
	if last != 1 {
		t.Errorf("%d stages of any length", last)
	}
	if _, err := u.StagesFor(1); err == nil || !strings.Contains(err.Error(), "are possible") {
		t.Error(err)
	}
}

// The Makefile's targets run the tools on the files as they are.
func TestMakefileRunsTheTools(t *testing.T) {
	eda.Need(t, "iverilog", "verilator", "yosys", "make")
	u := newUnit(t, Options{Function: "isru", Format: mustFormat(t, "q3.4"), Family: "linear"})
	dir := t.TempDir()
	for name, data := range files(t, u, Implementation{Stages: 1, Handshake: Valid}) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for target, want := range map[string]string{"sim": "PASS 256 vectors", "lint": "verilator", "synth": "Estimated number of transistors", "clean": "rm"} {
		out, err := exec.Command("make", "-C", dir, target).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("make %s: %v\n%s", target, err, out)
		}
	}
	// A module that computes something else is noticed.
	path := filepath.Join(dir, u.Name()+".v")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Replace(string(data), "assign y = ", "assign y = 1 + ", 1)
	if err := os.WriteFile(path, []byte(wrong), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("make", "-C", dir, "sim").CombinedOutput(); err == nil || !strings.Contains(string(out), "FAIL 256 of 256") {
		t.Errorf("a wrong module: %v\n%s", err, out)
	}
}

func ExampleUnit_Files() {
	format, _ := ParseFormat("q3.4")
	unit, err := New(context.Background(), Options{Function: "isrlu", Format: format})
	if err != nil {
		fmt.Println(err)
		return
	}
	files, _ := unit.Files(Implementation{Stages: 2, Handshake: ValidReady})
	fmt.Println(len(files[unit.Name()+".v"]) > 0, unit.Error().Ulps <= 1)
	// Output: true true
}
