package nn

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// everyLayer has each type of layer and each option.
var everyLayer = Network{
	Name: "every", Input: Shape{12, 12, 2}, Init: LeCun(), Activation: "isrlu:3",
	Layers: Sequential{
		Conv2D{Filters: 4, Kernel: Pair{3, 5}, Stride: Pair{1, 2}, Padding: Same, NoBias: true, Init: TruncatedNormal(.1)},
		BatchNorm{Momentum: .8, Epsilon: 1e-3}, Activation{},
		Conv2D{Filters: 4, Kernel: Square(3), Padding: Padding{Height: 1, Width: 2}, Init: He()},
		Activation{Function: "isru:2", Learn: PerChannel},
		Residual{
			Body:     Sequential{Conv2D{Filters: 6, Kernel: Square(1)}, Activation{Function: "gelu"}},
			Shortcut: Sequential{Conv2D{Filters: 6, Kernel: Square(1)}},
		},
		DepthwiseConv2D{Kernel: Pair{3, 2}, Padding: Same, NoBias: true, Init: Glorot()}, Activation{Function: "gelu"},
		DepthwiseConv2D{Kernel: Square(2), Stride: Square(1), Padding: Pad(1)},
		MaxPool{Size: Square(2)}, AvgPool{Size: Square(2), Stride: Square(1)},
		MaxPool{Size: Square(3), Stride: Square(1), Padding: Pad(1)}, AvgPool{Size: Pair{2, 3}, Stride: Square(1), Padding: Same},
		AvgPool{Size: Square(3), Stride: Square(1), Padding: Pad(1), CountPadding: true},
		Dropout{Rate: .25},
		Affine{NoScale: true}, Affine{NoShift: true}, Affine{Frozen: true},
		Concat{Branches: []Sequential{{Conv2D{Filters: 2, Kernel: Square(1)}, Activation{Function: "tanh"}}, nil}},
		Product{
			Body: Sequential{DepthwiseConv2D{Kernel: Square(1)}},
			Gate: Sequential{GlobalAvgPool{}, Dense{Units: 8}, Activation{Function: "isru_sigmoid"}},
		},
		Residual{Body: Sequential{BatchNorm{}, Activation{Function: "isrlu:learn"}}},
		GlobalAvgPool{}, Flatten{},
		Dense{Units: 5, NoBias: true, Init: Glorot()}, Activation{Function: "tanh"},
		Dense{Units: 3},
	},
}

// everySequence has each type of layer of sequences, and each option.
var everySequence = Network{
	Name: "sequence", Input: Shape{7}, Init: LeCun(), Activation: "isru", Norm: "dyisru",
	Layers: Sequential{
		Embedding{Tokens: 11, Units: 6, Init: LeCun()},
		PositionEmbedding{Init: TruncatedNormal(.1)},
		LSTM{Units: 17, ForgetBias: new(.5), Truncate: 3, Init: Glorot(), RecurrentInit: He()},
		GRU{Units: 10, Activation: "tanh", Gate: "sigmoid", Bidirectional: true},
		RNN{Units: 5, Activation: "elu"},
		Dense{Units: 9}, Activation{}, Dropout{Rate: .1},
		LayerNorm{Epsilon: 1e-4}, DyISRU{Beta: 2}, RMSNorm{Epsilon: 1e-5}, DyT{Alpha: .7}, Norm{Method: "layer_norm"}, Norm{},
		Attention{Heads: 3, Init: Glorot()}, Attention{Heads: 1, Bidirectional: true, NoBias: true},
		TransformerBlock{Heads: 3, Hidden: 7, Norm: "rms_norm", Activation: "gelu", Dropout: .1, NoBias: true, Init: Glorot()},
		TransformerBlock{Heads: 1, Bidirectional: true},
		Dense{Units: 11},
	},
}

// networks hold each type of layer, so that a new one cannot be left out of the
// tests that go through them.
var networks = []Network{everyLayer, everySequence}

func TestNetworkSurvivesJSON(t *testing.T) {
	all := ""
	for _, want := range networks {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		n, err := ReadNetwork(strings.NewReader(string(text)))
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if !reflect.DeepEqual(n, want) {
			t.Errorf("read %+v\nof %s", n, text)
		}
		m, err := New[float32](n, Options{})
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		all += string(text)
	}
	for kind := range kinds {
		if !strings.Contains(all, `"type":"`+kind+`"`) {
			t.Errorf("the networks of this test have no %s", kind)
		}
	}
}

func TestBadNetworkFilesNameTheLayer(t *testing.T) {
	for layers, wants := range map[string][]string{
		`[{"type": "conv3d"}]`: {"layer 1", `"conv3d"`, "max_pool"},
		`[{"units": 3}]`:       {"layer 1", "no type"},
		`[{"type": "flatten"}, {"type": "dense", "unit": 3}]`:                               {"layer 2 (dense)", `"unit"`},
		`[{"type": "dense", "units": "many"}]`:                                              {"layer 1 (dense)", "units", "a whole number", "string"},
		`[{"type": "dense", "units": 2.5}]`:                                                 {"layer 1 (dense)", "units", "2.5"},
		`[{"type": "conv2d", "filters": 2, "kernel": [1, 2, 3]}]`:                           {"layer 1 (conv2d)", "[1,2,3]"},
		`[{"type": "conv2d", "filters": 2, "kernel": 3, "padding": "full"}]`:                {"layer 1 (conv2d)", `"full"`, `"same"`},
		`[{"type": "conv2d", "filters": 2, "kernel": 3, "init": "xavier"}]`:                 {"layer 1 (conv2d)", `"xavier"`, "glorot"},
		`[{"type": "depthwise_conv2d", "filters": 2, "kernel": 3}]`:                         {"layer 1 (depthwise_conv2d)", `"filters"`},
		`[{"type": "residual", "body": [{"type": "flatten"}, {"type": "dens"}]}]`:           {"layer 1 (residual)", "body", "layer 2", `"dens"`},
		`[{"type": "residual", "inside": []}]`:                                              {"layer 1 (residual)", `"inside"`},
		`[{"type": "product", "gate": [{"type": "dens"}]}]`:                                 {"layer 1 (product)", "gate", `"dens"`},
		`[{"type": "concat", "branches": [[], [{"type": "dens"}]]}]`:                        {"layer 1 (concat)", "branch 2", `"dens"`},
		`[{"type": "concat", "branches": 3}]`:                                               {"layer 1 (concat)", "list of lists"},
		`{}`:                                                                                {"layers must be a list"},
		strings.Repeat(`[{"type":"residual","body":`, 20) + `[]` + strings.Repeat(`}]`, 20): {"nested", "deep"},
	} {
		_, err := ReadNetwork(strings.NewReader(`{"input": [8, 8, 1], "layers": ` + layers + `}`))
		if err == nil {
			t.Errorf("%s is taken", layers)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", layers, err, want)
			}
		}
	}
	for text, want := range map[string]string{
		``:                                      "ends too early",
		`{"input": [8, 8, 1], "layers": [`:      "ends too early",
		"{\n\"input\": [8, 8, 1],\n\"layers\"}": "line 3",
		`{"input": [8], "layers": []} x`:        "follows",
		`{"input": [8], "layer": []}`:           `"layer"`,
		`{"input": "8x8", "layers": []}`:        "input must be a list",
		strings.Repeat(" ", maxFile+1):          "longer than",
	} {
		if _, err := ReadNetwork(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v does not say %q", text, err, want)
		}
	}
}

func TestBadNetworksNameTheLayer(t *testing.T) {
	conv := func(filters, kernel int) Conv2D { return Conv2D{Filters: filters, Kernel: Square(kernel)} }
	for want, layers := range map[string]Sequential{
		"layer 1 (conv2d)":                      {conv(0, 3)},
		"layer 2 (conv2d)":                      {Activation{Function: "relu"}, conv(3, 9)},
		"kernel must be at least 1, got 0x3":    {DepthwiseConv2D{Kernel: Pair{0, 3}}},
		"layer 2 (depthwise_conv2d): the kern":  {MaxPool{Size: Square(2)}, DepthwiseConv2D{Kernel: Square(5)}},
		"stride must be at least 1, got -1x1":   {DepthwiseConv2D{Kernel: Square(1), Stride: Pair{-1, 1}}},
		"padding must not be negative, got -1":  {DepthwiseConv2D{Kernel: Square(1), Padding: Pad(-1)}},
		"must be height, width and channels":    {Flatten{}, DepthwiseConv2D{Kernel: Square(1)}},
		"layer 2 (dense)":                       {Flatten{}, Dense{Units: -1}},
		"layer 1 (max_pool)":                    {MaxPool{Size: Square(9)}},
		"layer 1 (avg_pool)":                    {AvgPool{Size: Square(0)}},
		"less than the window of 2x3, got 2 an": {AvgPool{Size: Pair{2, 3}, Padding: Pad(2)}},
		"padding must not be negative, got 0 a": {MaxPool{Size: Square(2), Padding: Padding{Width: -1}}},
		"11x11 is larger than the input of 10x": {MaxPool{Size: Square(11), Padding: Pad(1)}},
		"layer 2 (global_avg_pool)":             {Flatten{}, GlobalAvgPool{}},
		"layer 1 (dropout)":                     {Dropout{Rate: 1}},
		"layer 1 (batch_norm)":                  {BatchNorm{Momentum: 2}},
		`"swoosh"`:                              {Activation{Function: "swoosh"}},
		"layer 1 (activation)":                  {Activation{Function: "isrlu:-1"}},
		"no parameter":                          {Activation{Function: "gelu:learn"}},
		"names a function":                      {Activation{}},
		"layer 1 (residual)":                    {Residual{Body: Sequential{conv(5, 3)}}},
		"the body gives [8 8 1] but the gate [": {Product{Gate: Sequential{Flatten{}}}},
		"branches must be at least 2, got 1":    {Concat{Branches: []Sequential{{}}}},
		"[8 8 1] but branch 3 [7 7 1]; all dim": {Concat{Branches: []Sequential{{}, {}, {MaxPool{Size: Square(2), Stride: Square(1)}}}}},
		"layer 1 (affine)":                      {Affine{NoScale: true, NoShift: true}},
		"the network has no layers":             {},
		"elements":                              {Flatten{}, Dense{Units: 1 << 27}},
	} {
		m, err := New[float32](Network{Input: Shape{8, 8, 1}, Layers: layers}, Options{})
		if err == nil {
			m.Close()
			t.Errorf("%+v is taken", layers)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %q does not say %q", layers, err, want)
		}
	}
	for _, input := range []Shape{nil, {0, 8, 1}, {8, -8, 1}, {1 << 20, 1 << 20, 1}, {2, 2, 2, 2}} {
		if m, err := New[float32](Network{Input: input, Layers: Sequential{Flatten{}}}, Options{}); err == nil {
			m.Close()
			t.Errorf("the input %v is taken", input)
		}
	}
}

// Whatever is read as a network and fits into some memory makes a model or an
// error, and is read again as what it was.
func FuzzReadNetwork(f *testing.F) {
	for _, n := range networks {
		text, err := json.Marshal(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"input": [28, 28, 1], "activation": "isrlu", "layers": [{"type": "flatten"}, {"type": "dense", "units": 3}, {"type": "activation"}]}`))
	f.Add([]byte(`{"input": [4], "init": "truncated_normal:0.1", "layers": [{"type": "residual", "body": [{"type": "activation", "function": "isru:2"}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := ReadNetwork(strings.NewReader(string(text)))
		if err != nil {
			return
		}
		m, err := newModel[float32](n, Options{Inference: true, Threads: 1}, limits{1 << 16, 1 << 22})
		if err != nil {
			return
		}
		m.Close()
		again, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ReadNetwork(strings.NewReader(string(again)))
		if err != nil {
			t.Fatalf("%v in %s", err, again)
		}
		if third, err := json.Marshal(back); err != nil || string(third) != string(again) {
			t.Errorf("%v: %s is read as %s", err, again, third)
		}
	})
}
