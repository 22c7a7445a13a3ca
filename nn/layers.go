package nn

// A Layer describes one layer. The types of this package are all there are.
type Layer interface {
	// kind is the layer's type in JSON.
	kind() string
}

// A Sequential is a list of layers, each of which reads what the one before it
// writes.
type Sequential []Layer

// A Network is the description of a network: the shape of one input and the
// layers.
type Network struct {
	// Name is for people.
	Name string `json:"name,omitempty"`
	// Input is the shape of one sample: height, width and channels, time steps
	// and features, or features.
	Input Shape `json:"input"`
	// Init is the initializer of the layers that name none; He if empty.
	Init Init `json:"init,omitzero"`
	// Activation is the function of the Activation layers, and of the states of
	// recurrent layers, that name none.
	Activation string `json:"activation,omitempty"`
	// Gate is the function of the gates of recurrent layers that name none. If it
	// is empty too, each takes the one that suits its state: see LSTM.
	Gate string `json:"gate,omitempty"`
	// Norm is the method of the Norm layers and transformer blocks that name none.
	Norm   string     `json:"norm,omitempty"`
	Layers Sequential `json:"layers"`
}

// A Shape is that of one sample: height, width and channels of an image, time
// steps and features of a sequence, or the number of features.
type Shape []int

// Size returns the number of elements.
func (s Shape) Size() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// channels returns the last dimension.
func (s Shape) channels() int { return s[len(s)-1] }

// A Pair is a height and a width. In JSON it is one number, or two in brackets.
type Pair struct{ Height, Width int }

// Square returns the pair of equal numbers.
func Square(n int) Pair { return Pair{n, n} }

// or returns p, or q if p is zero.
func (p Pair) or(q Pair) Pair {
	if p == (Pair{}) {
		return q
	}
	return p
}

// A Padding is the number of zeros on each side of the input: none if zero. In
// JSON it is "same", "valid", one number, or two in brackets.
type Padding struct {
	Height, Width int
	// Same pads so that the output has the size of the input divided by the
	// stride, rounded up; an odd zero goes to the bottom and the right.
	Same bool
}

// Same is the padding that keeps the size where the stride is 1.
var Same = Padding{Same: true}

// Pad returns the padding of n zeros on all four sides.
func Pad(n int) Padding { return Padding{Height: n, Width: n} }

// Conv2D is a convolution (cross-correlation, as everywhere in this field): its
// input is height x width x channels, its output out height x out width x
// Filters, where out = (in + padding - kernel)/stride + 1, rounded down.
type Conv2D struct {
	Filters int     `json:"filters"`
	Kernel  Pair    `json:"kernel"`
	Stride  Pair    `json:"stride,omitzero"` // 1 if zero
	Padding Padding `json:"padding,omitzero"`
	NoBias  bool    `json:"no_bias,omitempty"`
	Init    Init    `json:"init,omitzero"`
}

// DepthwiseConv2D is a convolution of each channel with a filter of its own: its
// input is height x width x channels, its output out height x out width x
// channels, with the sizes of Conv2D. With a Conv2D of kernel 1 after it, which
// mixes the channels, it takes the place of a whole convolution at a part of the
// work (Howard et al. 2017, MobileNets).
type DepthwiseConv2D struct {
	Kernel  Pair    `json:"kernel"`
	Stride  Pair    `json:"stride,omitzero"` // 1 if zero
	Padding Padding `json:"padding,omitzero"`
	NoBias  bool    `json:"no_bias,omitempty"`
	Init    Init    `json:"init,omitzero"`
}

// Dense is y = x W + b over the features of a sample, or over those of each time
// step of a sequence.
type Dense struct {
	Units  int  `json:"units"`
	NoBias bool `json:"no_bias,omitempty"`
	Init   Init `json:"init,omitzero"`
}

// MaxPool takes the largest element of each channel in windows of Size. Rows and
// columns that fill no window are left out. Its sizes are those of Conv2D; padding
// is never the largest, and must be less than Size.
type MaxPool struct {
	Size    Pair    `json:"size"`
	Stride  Pair    `json:"stride,omitzero"` // Size if zero
	Padding Padding `json:"padding,omitzero"`
}

// AvgPool takes the mean of each channel in windows of Size, with the sizes of
// Conv2D. Padding must be less than Size. The mean is that of the elements which are
// there, unless CountPadding makes it one of Size, with zeros for the others.
type AvgPool struct {
	Size         Pair    `json:"size"`
	Stride       Pair    `json:"stride,omitzero"` // Size if zero
	Padding      Padding `json:"padding,omitzero"`
	CountPadding bool    `json:"count_padding,omitempty"`
}

// GlobalAvgPool takes the mean of each channel over all pixels, or over all time
// steps; its output is the channels.
type GlobalAvgPool struct{}

// Dropout sets each element to 0 with probability Rate while training, and
// scales the others by 1/(1-Rate) (Srivastava et al. 2014).
type Dropout struct {
	Rate float64 `json:"rate"`
}

// BatchNorm normalizes each channel to mean 0 and variance 1 over the batch and
// all pixels, and scales and shifts it by learned numbers (Ioffe and Szegedy
// 2015). Inference uses running means.
type BatchNorm struct {
	// Momentum is the weight of the old running mean at each step; 0.9 if zero.
	Momentum float64 `json:"momentum,omitempty"`
	// Epsilon is added to the variance; 1e-5 if zero.
	Epsilon float64 `json:"epsilon,omitempty"`
}

// Flatten makes features of an image: the elements in their order.
type Flatten struct{}

// Activation applies a function to each element.
type Activation struct {
	// Function is what isrlu.Parse takes, such as "isrlu:3"; it may end in
	// ":learn" or ":learn-channel", which set Learn. Or it is what hdl.ParseSpec
	// takes, such as "isrlu@q4.11": then the layer computes bit for bit what that
	// unit of hardware does. If empty, it is that of the network.
	Function string `json:"function,omitempty"`
	// Learn makes the function's first parameter a weight that begins at the
	// value in Function.
	Learn Learn `json:"learn,omitempty"`
}

// Learn says whether and how the parameter of an activation is learned. It is
// kept at or above 0.001, as parameters of activations must be positive.
type Learn string

// What is learned.
const (
	Fixed      Learn = ""        // nothing
	PerLayer   Learn = "layer"   // one number for the layer
	PerChannel Learn = "channel" // one number for each channel
)

func (Sequential) kind() string      { return "sequential" }
func (Conv2D) kind() string          { return "conv2d" }
func (DepthwiseConv2D) kind() string { return "depthwise_conv2d" }
func (Dense) kind() string           { return "dense" }
func (MaxPool) kind() string         { return "max_pool" }
func (AvgPool) kind() string         { return "avg_pool" }
func (GlobalAvgPool) kind() string   { return "global_avg_pool" }
func (Dropout) kind() string         { return "dropout" }
func (BatchNorm) kind() string       { return "batch_norm" }
func (Flatten) kind() string         { return "flatten" }
func (Activation) kind() string      { return "activation" }
