package experiment

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/isrlu/isrlu/nn"
)

func recurrentOptions() RecurrentOptions {
	return RecurrentOptions{
		Cells: []string{"lstm", "gru", "rnn"}, Units: []int{3, 20}, Functions: []string{"isru", "tanh/isru_sigmoid"},
		Steps: 4, Batch: 2, Threads: 1, Time: time.Microsecond,
	}
}

func TestTimeRecurrent(t *testing.T) {
	o := recurrentOptions()
	last := 0
	o.Progress = func(done, total int) {
		if done < last || done > total {
			t.Errorf("progress goes from %d to %d of %d", last, done, total)
		}
		last = done
	}
	times, err := TimeRecurrent(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for _, cell := range o.Cells {
		gates := map[string]float64{"lstm": 4, "gru": 3, "rnn": 1}[cell]
		for _, units := range o.Units {
			for _, f := range o.Functions {
				for _, pass := range []RecurrentPass{ForwardPass, GradientPass} {
					r := times[i]
					i++
					if r.Cell != cell || r.Units != units || r.Function != f || r.Pass != pass {
						t.Errorf("result %d is %+v", i-1, r)
					}
					// Products of 2 samples in 4 steps: of the input and of the state.
					operations := 2.0 * 2 * 4 * gates * float64(units*2*units)
					if pass == GradientPass {
						operations *= 2.5
					}
					if !(r.MS.Median > 0) || math.Abs(r.GFLOPS*1e6*r.MS.Median/operations-1) > 1e-9 || !(r.CellShare > 0 && r.CellShare < 1) {
						t.Errorf("%+v", r)
					}
				}
			}
		}
	}
	if i != len(times) || last == 0 {
		t.Errorf("%d results, want %d; progress %d", len(times), i, last)
	}
	if got := times[0].Functions; got != "isru:1, gates isru_sigmoid:1,0.5" {
		t.Errorf("functions %q", got)
	}
}

func TestRecurrentOptionsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*RecurrentOptions){
		`"lstn"`:    func(o *RecurrentOptions) { o.Cells = []string{"lstn"} },
		"units":     func(o *RecurrentOptions) { o.Units = []int{0} },
		"needs":     func(o *RecurrentOptions) { o.Functions = nil },
		`"isur"`:    func(o *RecurrentOptions) { o.Functions = []string{"isur"} },
		"twice":     func(o *RecurrentOptions) { o.Functions = []string{"isru", "isru"} },
		"steps":     func(o *RecurrentOptions) { o.Steps = 0 },
		"batch":     func(o *RecurrentOptions) { o.Batch = -1 },
		"threads":   func(o *RecurrentOptions) { o.Threads = 0 },
		"less than": func(o *RecurrentOptions) { o.Time = -1 },
		"gelu":      func(o *RecurrentOptions) { o.Functions = []string{"gelu"} },
	} {
		o := recurrentOptions()
		change(&o)
		if _, err := TimeRecurrent(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := TimeRecurrent(ctx, recurrentOptions()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestChoices(t *testing.T) {
	for spec, want := range map[string]choice{
		"isru":                       {"isru", "", ""},
		"isru:2/sigmoid":             {"isru:2", "sigmoid", ""},
		"gelu+dyisru":                {"gelu", "", "dyisru"},
		"isru/isru_sigmoid:1,.5+dyt": {"isru", "isru_sigmoid:1,.5", "dyt"},
		"isrlu:1e+2":                 {"isrlu:1e+2", "", ""},
		"isrlu:1e+2+rms_norm":        {"isrlu:1e+2", "", "rms_norm"},
	} {
		if got := parseChoice(spec); got != want {
			t.Errorf("%s is %+v, want %+v", spec, got, want)
		}
		if err := CheckActivation(spec); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	n := Choose(nn.Network{Gate: "sigmoid", Norm: "rms_norm"}, "isru")
	if n.Activation != "isru" || n.Gate != "sigmoid" || n.Norm != "rms_norm" {
		t.Errorf("a choice without gate and norm changes them: %+v", n)
	}
	for spec, want := range map[string]string{
		"isru/": "missing", "isru+": "missing", "/sigmoid": `""`, "isru/sigmod": "gate", "tanh:learn": "no parameter", "isru/sigmoid/tanh": "gate",
	} {
		if err := CheckActivation(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", spec, err, want)
		}
	}
}
