package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/hdl"
)

func smallPaper(parts ...string) PaperSettings {
	return PaperSettings{Quick: true, Parts: parts, Seeds: 2, Epochs: 1, Threads: 1, Train: 100, Test: 50, TrainChars: 3000, TestChars: 1000}
}

func paperOptions() PaperOptions {
	return PaperOptions{Version: "v1", NoCosts: true, Time: time.Millisecond}
}

// loadPaper loads digits, whatever is on this machine.
func loadPaper(t *testing.T, s *PaperSettings) PaperData {
	t.Helper()
	t.Setenv("ISRLU_DATA_DIR", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	d, notes, err := LoadPaper(t.Context(), s, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Data != digitsName || len(notes) != 2 || !strings.Contains(notes[0], "MNIST is not on this machine") {
		t.Errorf("%s, %q", s.Data, notes)
	}
	return d
}

// kept returns a result as it comes back from its file.
func kept(t *testing.T, r *PaperResult) *PaperResult {
	t.Helper()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var back PaperResult
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return &back
}

func digests(r *PaperResult) map[string][]string {
	all := map[string][]string{}
	for _, c := range r.Comparisons {
		for _, run := range c.Result.Runs {
			all[c.Name] = append(all[c.Name], run.Activation+" "+run.Digest)
		}
	}
	return all
}

// A run that is stopped after any training goes on with the next one, and comes to the
// same weights.
func TestPaperGoesOnWhereItStopped(t *testing.T) {
	s := smallPaper(RecurrentPart)
	d := loadPaper(t, &s)
	whole, err := Paper(t.Context(), s, d, nil, paperOptions())
	if err != nil {
		t.Fatal(err)
	}
	if whole.Interrupted || len(digests(whole)[rowsLSTM]) != 6 || len(digests(whole)[charsLSTM]) != 6 {
		t.Fatalf("%v", digests(whole))
	}
	stop := errors.New("stop")
	var earlier *PaperResult
	stops, trained := 0, 0
	for {
		o := paperOptions()
		o.Earlier = earlier
		expected, after := 0, 0
		o.Expected = func(trainings int, _ time.Duration) { expected = trainings }
		o.Finished = func(what string, _ time.Duration, r *PaperResult) error {
			if !strings.Contains(what, "seed") {
				return nil
			}
			trained++
			earlier = kept(t, r)
			if after++; after == 5 {
				return stop
			}
			return nil
		}
		r, err := Paper(t.Context(), s, d, nil, o)
		if want := 12 - (trained - after); expected != want {
			t.Errorf("%d trainings are expected, want %d", expected, want)
		}
		if err == nil {
			if !reflect.DeepEqual(digests(r), digests(whole)) {
				t.Errorf("the weights are %v, want %v", digests(r), digests(whole))
			}
			break
		}
		if stops++; !errors.Is(err, stop) || stops > 3 {
			t.Fatal(err)
		}
	}
	if stops != 2 || trained != 12 {
		t.Errorf("%d stops and %d trainings, want 2 and 12", stops, trained)
	}
	// More seeds take what is there.
	s.Seeds, s.Parts = 3, []string{RecurrentPart, MemoryPart}
	o := paperOptions()
	o.Earlier = kept(t, whole)
	trained = 0
	o.Finished = func(what string, _ time.Duration, _ *PaperResult) error {
		if strings.Contains(what, "seed 3") {
			trained++
		} else if strings.Contains(what, "seed") {
			t.Errorf("%s was made again", what)
		}
		return nil
	}
	r, err := Paper(t.Context(), s, d, nil, o)
	if err != nil || trained != 6 || len(r.comparison(rowsLSTM).Runs) != 9 || len(r.Memory) != 10 {
		t.Errorf("%d trainings, %v", trained, err)
	}
	// Other settings do not stand beside them.
	s.Epochs = 2
	if _, err := Paper(t.Context(), s, d, nil, o); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("got %v", err)
	}
}

func TestPaperEndsWithTheContext(t *testing.T) {
	s := smallPaper(MemoryPart, RecurrentPart)
	d := loadPaper(t, &s)
	ctx, cancel := context.WithCancel(t.Context())
	o := paperOptions()
	o.Progress = func(p PaperProgress) {
		if p.Done > p.Total || p.Total <= 0 {
			t.Errorf("%+v", p)
		}
		if strings.Contains(p.What, "isru") {
			cancel()
		}
	}
	r, err := Paper(ctx, s, d, nil, o)
	if !errors.Is(err, context.Canceled) || r == nil || !r.Interrupted || len(r.Memory) != 10 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPaperTimesKernels(t *testing.T) {
	s := smallPaper(SpeedPart)
	r, err := Paper(t.Context(), s, PaperData{}, nil, paperOptions())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Speed.Kernels) < 30 || r.Speed.ClockGHz <= 0 {
		t.Fatalf("%+v", r.Speed)
	}
	for _, k := range r.Speed.Kernels {
		if !(k.NS.Median > 0) || k.NS.Low > k.NS.High || len(k.Rounds) < timeLeast {
			t.Errorf("%+v", k)
		}
	}
	for _, q := range r.Speed.Ratios() {
		if !(q.Exact.Median > 0 && q.Default.Median > 0 && q.Fast.Median > 0) {
			t.Errorf("%+v", q)
		}
	}
	if n := len(r.Claims()); n != 8 {
		t.Errorf("%d claims", n)
	}
}

func TestPaperFindsUnits(t *testing.T) {
	s := smallPaper(HardwarePart)
	first, err := Paper(t.Context(), s, PaperData{}, nil, paperOptions())
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Hardware.Units.Units) != 7 || len(first.Claims()) != 4 {
		t.Errorf("%+v", first.Claims())
	}
	o := paperOptions()
	o.Earlier = kept(t, first)
	again, err := Paper(t.Context(), s, PaperData{}, nil, o)
	if err != nil || !reflect.DeepEqual(again.Hardware.Units.Units, first.Hardware.Units.Units) {
		t.Errorf("%v", err)
	}
}

func TestMultiplyAddIsThat(t *testing.T) {
	const width, fraction = 8, 4
	e := multiplyAdd(width, fraction).Evaluator()
	for _, v := range [][3]int64{{0, 0, 0}, {255, 255, 255}, {16, 16, 1}, {3, 5, 7}, {200, 9, 40}, {7, 8, 0}} {
		var out [1]int64
		e.Run(out[:], []int64{v[0] | v[1]<<width | v[2]<<(2*width)})
		want := min(255, (v[0]*v[1]+v[2]<<fraction+1<<(fraction-1))>>fraction)
		if out[0] != want {
			t.Errorf("%v: %d, want %d", v, out[0], want)
		}
	}
	list, err := multiplyAdds([]string{"q3.4", "q4.11", "bfloat16"})
	if err != nil || len(list) != 2 || list[1].Gates < 2*list[0].Gates {
		t.Errorf("%+v, %v", list, err)
	}
	if f := hdl.BFloat16(); !f.IsFloat() {
		t.Error("bfloat16 is a fixed-point format")
	}
}

func TestPaperSettingsAreChecked(t *testing.T) {
	for want, s := range map[string]PaperSettings{
		`unknown part "sped"`:  {Parts: []string{"sped"}},
		"speed is there twice": {Parts: []string{"speed", "speed"}},
		"got -1":               {Seeds: -1},
		"epochs must be":       {Epochs: -2},
		"threads must be":      {Threads: -1},
		"must not be less":     {Train: -5},
	} {
		if err := s.Complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
