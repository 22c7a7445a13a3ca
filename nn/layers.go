package nn

// A Layer describes one layer. The types of this file are all there are.
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
// columns that fill no window are left out.
type MaxPool struct {
	Size   Pair `json:"size"`
	Stride Pair `json:"stride,omitzero"` // Size if zero
}

// AvgPool takes the mean of each channel in windows of Size.
type AvgPool struct {
	Size   Pair `json:"size"`
	Stride Pair `json:"stride,omitzero"` // Size if zero
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
	// ":learn" or ":learn-channel", which set Learn. If empty, it is that of the
	// network.
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

// Embedding turns tokens into features: its input is the numbers of a sample's
// tokens, whole and from 0 to less than Tokens, and its output their rows of a
// learned table, tokens x Units. It must be the first layer. Tables begin with the
// standard deviation 0.02 unless Init says otherwise.
type Embedding struct {
	Tokens int  `json:"tokens"` // of the vocabulary
	Units  int  `json:"units"`
	Init   Init `json:"init,omitzero"`
}

// LSTM is a recurrent layer with long short-term memory (Hochreiter and
// Schmidhuber 1997; the forget gate is that of Gers et al. 2000). It reads a
// sequence, time steps x features, step by step from h = c = 0:
//
//	i, f, o = gate(x W + h U + b), each with columns of its own; g likewise, by activation
//	c = f c + i g
//	h = o activation(c)
//
// and puts out h at every step, time steps x Units. The columns of W, features x
// 4 Units, of U, Units x 4 Units, and of b are those of i, f, g and o.
//
// The recurrent layers take every function whose gradient follows from its output,
// with parameters that are not learned. ISRU is for tanh what the ISRU sigmoid with
// scale 1/2 is for the logistic function (Carlile et al. 2017, section 4).
type LSTM struct {
	Units int `json:"units"`
	// Activation is the function of the state, such as "tanh" or "isru"; that of the
	// network if it is empty.
	Activation string `json:"activation,omitempty"`
	// Gate is the function of the gates; that of the network if it is empty, and if
	// that is empty too, the one that suits the state: for isru with some alpha the
	// isru_sigmoid of the same alpha and scale 1/2, for all others sigmoid.
	Gate string `json:"gate,omitempty"`
	// Last puts out h of the last step alone.
	Last bool `json:"last,omitempty"`
	// Bidirectional adds a second layer that reads from the last step to the first;
	// an output has both, 2 Units features (Schuster and Paliwal 1997). With Last it
	// has the ends of both.
	Bidirectional bool `json:"bidirectional,omitempty"`
	// Truncate, if it is not 0, ends the gradient's way back through time after every
	// so many steps (Williams and Peng 1990). Values are not affected.
	Truncate int `json:"truncate,omitempty"`
	// ForgetBias is the first bias of the forget gate. If it is nil, the gate begins
	// as far open as a logistic gate of bias 1, at 0.73 (Jozefowicz et al. 2015),
	// which its own function decides.
	ForgetBias *float64 `json:"forget_bias,omitempty"`
	// Init draws W; if it and that of the network are empty, it is LeCun.
	Init Init `json:"init,omitzero"`
	// RecurrentInit draws U; if it is empty, it is LeCun.
	RecurrentInit Init `json:"recurrent_init,omitzero"`
}

// GRU is a recurrent layer of gated recurrent units (Cho et al. 2014), in the form
// that resets after the product, as cuDNN and PyTorch have it:
//
//	r, z = gate(x W + b + h U + d), each with columns of its own
//	n    = activation(x W + b + r (h U + d))
//	h    = (1 - z) n + z h
//
// The columns of W, features x 3 Units, U, Units x 3 Units, b and d are those of r, z
// and n. The members are those of LSTM.
type GRU struct {
	Units         int    `json:"units"`
	Activation    string `json:"activation,omitempty"`
	Gate          string `json:"gate,omitempty"`
	Last          bool   `json:"last,omitempty"`
	Bidirectional bool   `json:"bidirectional,omitempty"`
	Truncate      int    `json:"truncate,omitempty"`
	Init          Init   `json:"init,omitzero"`
	RecurrentInit Init   `json:"recurrent_init,omitzero"`
}

// RNN is the plain recurrent layer (Elman 1990),
//
//	h = activation(x W + h U + b)
//
// with members as those of LSTM.
type RNN struct {
	Units         int    `json:"units"`
	Activation    string `json:"activation,omitempty"`
	Last          bool   `json:"last,omitempty"`
	Bidirectional bool   `json:"bidirectional,omitempty"`
	Truncate      int    `json:"truncate,omitempty"`
	Init          Init   `json:"init,omitzero"`
	RecurrentInit Init   `json:"recurrent_init,omitzero"`
}

// Residual is y = Body(x) + Shortcut(x); the shortcut is x itself if empty (He
// et al. 2016). The two must have the same shape.
type Residual struct {
	Body     Sequential `json:"body"`
	Shortcut Sequential `json:"shortcut,omitempty"`
}

// LayerNorm normalizes each time step, or pixel, to mean 0 and variance 1 over
// its C channels,
//
//	y = Scale (x - mean) / sqrt(variance + Epsilon) + Shift
//
// with a learned scale and shift for each channel (Ba, Kiros and Hinton 2016).
type LayerNorm struct {
	Epsilon float64 `json:"epsilon,omitempty"` // 1e-5 if zero
}

// RMSNorm divides each time step, or pixel, by the root of the mean square of its
// C channels,
//
//	y = Scale x / sqrt(mean(x^2) + Epsilon)
//
// with a learned scale for each channel (Zhang and Sennrich 2019).
type RMSNorm struct {
	Epsilon float64 `json:"epsilon,omitempty"` // 1e-6 if zero, as in LLaMA and T5
}

// DyT takes the place of a normalization without a sum over the channels,
//
//	y = Scale tanh(alpha x) + Shift
//
// with a learned scale and shift for each channel and one learned alpha (Zhu et
// al. 2025, dynamic tanh).
type DyT struct {
	Alpha float64 `json:"alpha,omitempty"` // the first value; 0.5 if zero
}

// DyISRU takes the place of a normalization without a sum over the channels,
//
//	y = Scale sqrt(C) x / sqrt(beta + x^2) + Shift
//
// with a learned scale and shift for each of C channels and one learned beta,
// which is kept at or above 0.001 (Stollenwerk 2025, dynamic inverse square root
// unit). RMSNorm is sqrt(C) x / sqrt(sum of squares): x^2 is the channel's own part
// of that sum, and beta stands for the others', which is C-1 where the mean square
// is 1. So beta begins at C, where the two nearly agree on such inputs.
type DyISRU struct {
	Beta float64 `json:"beta,omitempty"` // the first value; C if zero
}

// Norm is the normalization that Method names: "layer_norm", "rms_norm", "dyt" or
// "dyisru", with its defaults. If it is empty, it is the network's, and if that is
// empty too, "rms_norm".
type Norm struct {
	Method string `json:"method,omitempty"`
}

// PositionEmbedding adds a row of a learned table, time steps x features, to each
// time step of a sequence, so that attention can tell the steps apart (Radford et
// al. 2018). The time steps are those of the network's input; a Stepper takes no
// more of them. Tables begin with the standard deviation 0.02 unless Init says
// otherwise.
type PositionEmbedding struct {
	Init Init `json:"init,omitzero"`
}

// Attention is self-attention with several heads (Vaswani et al. 2017): each time
// step of a sequence takes a mean of all steps' values, weighted by how well their
// keys fit its query. With D features, and d = D/Heads of them for each head,
//
//	[Q K V] = x W + b
//	head    = softmax(Q K^T / sqrt(d)) V, of its d columns of Q, K and V
//	y       = [heads] Wo + bo
//
// where W (weight) is D x 3D and Wo (output_weight) D x D. The output has the shape
// of the input. A time step attends to itself and to those before it, unless
// Bidirectional lets it see those after it too. The work grows with the square of
// the time steps, and so does what training keeps: the weights of the means, for
// each head.
//
// An infinite or NaN step may spoil up to 63 steps before it, as the products are
// computed in blocks of 64 steps, where the weights of later ones are 0.
type Attention struct {
	Heads         int  `json:"heads"` // a divisor of D
	Bidirectional bool `json:"bidirectional,omitempty"`
	NoBias        bool `json:"no_bias,omitempty"`
	// Init draws the weights; if it and that of the network are empty, it is LeCun,
	// since no rectifier follows.
	Init Init `json:"init,omitzero"`
}

// TransformerBlock is a block of a transformer, which normalizes before each of its
// two parts (Vaswani et al. 2017; Xiong et al. 2020),
//
//	h = x + Dropout(Attention(Norm(x)))
//	y = h + Dropout(Dense(Activation(Dense(Norm(h)))))
//
// over a sequence, time steps x features, whose shape it keeps. A Norm layer should
// follow the last block.
type TransformerBlock struct {
	Heads         int  `json:"heads"`                   // of Attention
	Bidirectional bool `json:"bidirectional,omitempty"` // likewise
	// Hidden is the number of units of the inner dense layer; 4 times the features
	// if zero.
	Hidden int `json:"hidden,omitempty"`
	// Norm is the Method of the Norm layers; that of the network if empty.
	Norm string `json:"norm,omitempty"`
	// Activation is the Function of the activation layer; that of the network if
	// empty.
	Activation string  `json:"activation,omitempty"`
	Dropout    float64 `json:"dropout,omitempty"` // its Rate
	// NoBias and Init are for Attention and both dense layers.
	NoBias bool `json:"no_bias,omitempty"`
	Init   Init `json:"init,omitzero"`
}

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
func (Residual) kind() string        { return "residual" }
func (Embedding) kind() string       { return "embedding" }
func (LSTM) kind() string            { return "lstm" }
func (GRU) kind() string             { return "gru" }
func (RNN) kind() string             { return "rnn" }
func (LayerNorm) kind() string       { return "layer_norm" }
func (RMSNorm) kind() string         { return "rms_norm" }
func (DyT) kind() string             { return "dyt" }
func (DyISRU) kind() string          { return "dyisru" }
func (Norm) kind() string            { return "norm" }
func (Attention) kind() string       { return "attention" }

func (PositionEmbedding) kind() string { return "position_embedding" }
func (TransformerBlock) kind() string  { return "transformer_block" }
