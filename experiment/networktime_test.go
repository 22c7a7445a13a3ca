package experiment

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isrlu/isrlu/nn"
)

// tiny has an activation that is fused, one that is not, and layers without
// multiply-adds.
func tiny() nn.Network {
	return nn.Network{Name: "tiny", Input: nn.Shape{6, 5, 2}, Layers: nn.Sequential{
		nn.Conv2D{Filters: 3, Kernel: nn.Square(3)}, nn.Activation{},
		nn.MaxPool{Size: nn.Square(2)}, nn.Activation{},
		nn.Residual{Body: nn.Sequential{nn.Conv2D{Filters: 3, Kernel: nn.Square(1)}, nn.BatchNorm{}}}, nn.Activation{},
		nn.Flatten{}, nn.Dense{Units: 4},
	}}
}

// Of tiny, counted by hand: the convolution has 4x3 outputs of 3 channels, each of
// 3x3x2 products; pooling leaves 2x1, so that the second has 2x1x3 outputs of 3
// products; the dense layer 4 outputs of 2x1x3 products.
const (
	tinyFirst = 4 * 3 * 3 * (3 * 3 * 2)
	tinyRest  = 2*1*3*3 + 4*6
)

func timeOptions() TimeOptions {
	return TimeOptions{
		Networks: []nn.Network{tiny()}, Activations: []string{"isrlu", "relu", "isrlu:2:learn"},
		Passes: []Pass{TrainingPass, InferencePass}, Batch: 3, Threads: []int{1, 2}, Time: time.Microsecond,
	}
}

// Networks of sequences have predictions at each step, and read tokens where they
// begin with an embedding.
func TestSequencesAreTimed(t *testing.T) {
	o := timeOptions()
	o.Activations = []string{"isru", "tanh/isru_sigmoid"}
	o.Networks = []nn.Network{
		{Name: "text", Input: nn.Shape{6}, Layers: nn.Sequential{nn.Embedding{Tokens: 4, Units: 3}, nn.GRU{Units: 3}, nn.Dense{Units: 4}}},
		{Name: "rows", Input: nn.Shape{6, 5}, Layers: nn.Sequential{nn.LSTM{Units: 3}, nn.Dense{Units: 4}}},
	}
	times, err := TimeNetworks(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * 2 * len(o.Passes) * len(o.Threads); len(times.Cells) != want {
		t.Errorf("%d cells, want %d", len(times.Cells), want)
	}
	for _, c := range times.Cells {
		// No function stands for the gates, so that no share is known.
		if !(c.MS.Median > 0) || c.ActivationShare != 0 {
			t.Errorf("%+v", c)
		}
	}
}

func TestOperationsAreThoseOfTheDirectAlgorithm(t *testing.T) {
	n := tiny()
	n.Activation = "relu"
	m, err := nn.New[float32](n, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	sum := func(p Pass) (sum int64) {
		for _, n := range operations(m.Layers(), p) {
			sum += n
		}
		return sum
	}
	if got, want := sum(InferencePass), int64(2*(tinyFirst+tinyRest)); got != want {
		t.Errorf("inference has %d operations, want %d", got, want)
	}
	if got, want := sum(TrainingPass), int64(4*tinyFirst+6*tinyRest); got != want {
		t.Errorf("training has %d operations, want %d", got, want)
	}
	// Where a layer with weights stands before it, the convolution needs the
	// gradient of its input.
	layers := append([]nn.LayerInfo{{Kind: "batch_norm", Parameters: 4}}, m.Layers()...)
	if got := operations(layers, TrainingPass)[1]; got != 6*tinyFirst {
		t.Errorf("behind a normalization: %d operations, want %d", got, 6*tinyFirst)
	}
}

func TestEveryCellOfNetworksIsTimed(t *testing.T) {
	o := timeOptions()
	mlp, err := Builtin(Tasks[0], "mlp")
	if err != nil {
		t.Fatal(err)
	}
	o.Networks = append(o.Networks, mlp)
	last := 0
	o.Progress = func(done, total int) {
		if done < last || done > total {
			t.Errorf("progress from %d to %d of %d", last, done, total)
		}
		last = done
	}
	times, err := TimeNetworks(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for _, network := range []string{"tiny", "mlp"} {
		for _, activation := range o.Activations {
			for _, p := range o.Passes {
				for _, threads := range o.Threads {
					c := times.Cells[i]
					i++
					if c.Network != network || c.Activation != activation || c.Pass != p || c.Threads != threads || c.Batch != 3 {
						t.Fatalf("cell %+v, want %s %s %v %d", c, network, activation, p, threads)
					}
					if !(c.MS.Median > 0) || c.MS.Low > c.MS.Median || c.MS.High < c.MS.Median || c.Layers != nil ||
						math.Abs(c.ImagesPerSecond*c.MS.Median-3000) > 1e-6 ||
						math.Abs(c.PeakPercent*float64(threads)*times.PeakGFLOPS-100*c.GFLOPS) > 1e-6*c.GFLOPS ||
						!(c.ActivationShare >= 0 && c.ActivationShare <= 1) {
						t.Errorf("%+v", c)
					}
				}
			}
		}
	}
	if i != len(times.Cells) || last == 0 {
		t.Errorf("%d cells, want %d; progress ended at %d", len(times.Cells), i, last)
	}
	// Three images in a millisecond.
	c := times.Cells[0]
	if want := 3 * (4*tinyFirst + 6*tinyRest) / (1e6 * c.MS.Median); math.Abs(c.GFLOPS-want) > 1e-9*want {
		t.Errorf("%v GFLOP/s, want %v", c.GFLOPS, want)
	}
}

// The identity is timed once, and takes no part of itself.
func TestIdentityHasNoShare(t *testing.T) {
	o := timeOptions()
	o.Activations = []string{"identity", "relu"}
	times, err := TimeNetworks(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range times.Cells {
		if c.Activation == "identity" && c.ActivationShare != 0 {
			t.Errorf("%+v", c)
		}
	}
}

func TestSharesOfLayersSumToOne(t *testing.T) {
	o := timeOptions()
	o.Layers = true
	times, err := TimeNetworks(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1.conv2d", "4.activation", "5.residual", "5.residual.body.1.conv2d", "5.residual.body.2.batch_norm",
		"7.flatten", "8.dense", "rest",
	}
	for _, c := range times.Cells {
		var names []string
		share, ms := 0.0, 0.0
		for _, l := range c.Layers {
			names = append(names, l.Layer)
			share, ms = share+l.Share, ms+l.ForwardMS+l.BackwardMS
			multiplies := l.Kind == "conv2d" || l.Kind == "dense"
			if l.Share < 0 || multiplies != (l.GFLOPS > 0) || c.Pass == InferencePass && l.BackwardMS != 0 ||
				multiplies && !(l.ForwardMS > 0 && (l.BackwardMS > 0) == (c.Pass == TrainingPass)) {
				t.Errorf("%s %v: %+v", c.Activation, c.Pass, l)
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("layers %q, want %q", names, want)
		}
		if math.Abs(share-1) > 1e-9 || math.Abs(ms-c.MS.Median) > 1e-9*ms {
			t.Errorf("%s %v: the shares sum to %v, the times to %v of %v", c.Activation, c.Pass, share, ms, c.MS.Median)
		}
	}
}

func TestTimingStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := timeOptions()
	o.Time = 10 * time.Second
	o.Activations = []string{"relu"}
	o.Progress = func(int, int) { cancel() }
	if _, err := TimeNetworks(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestBadTimingsNameTheValue(t *testing.T) {
	for want, change := range map[string]func(*TimeOptions){
		"needs a network":       func(o *TimeOptions) { o.Networks = nil },
		`"tiny" is there twice`: func(o *TimeOptions) { o.Networks = append(o.Networks, tiny()) },
		"plain has no layer that names no function": func(o *TimeOptions) {
			o.Networks[0] = nn.Network{Name: "plain", Input: nn.Shape{3}, Layers: nn.Sequential{nn.Dense{Units: 2}}}
		},
		`"elou"`:                 func(o *TimeOptions) { o.Activations = []string{"elou"} },
		`"relu" is there twice`:  func(o *TimeOptions) { o.Activations = []string{"relu", "relu"} },
		"batch must be from 1":   func(o *TimeOptions) { o.Batch = 0 },
		"threads must be from 1": func(o *TimeOptions) { o.Threads = []int{1, 0} },
		"2 threads":              func(o *TimeOptions) { o.Threads = []int{2, 2} },
		"time must not be":       func(o *TimeOptions) { o.Time = -1 },
		"tiny with relu":         func(o *TimeOptions) { o.Activations = []string{"relu"}; o.Networks[0].Input = nn.Shape{2, 2, 1} },
	} {
		o := timeOptions()
		change(&o)
		if _, err := TimeNetworks(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestParsePasses(t *testing.T) {
	for names, want := range map[string][]Pass{
		"": {TrainingPass, InferencePass}, "all": {TrainingPass, InferencePass}, "inference": {InferencePass},
		"inference,training,inference": {InferencePass, TrainingPass},
	} {
		var list []string
		if names != "" {
			list = strings.Split(names, ",")
		}
		if got, err := ParsePasses(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", names, got, err)
		}
	}
	if _, err := ParsePasses([]string{"backward"}); err == nil || !strings.Contains(err.Error(), `"backward"`) || !strings.Contains(err.Error(), "training, inference") {
		t.Errorf("got %v", err)
	}
}
