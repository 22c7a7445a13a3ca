package nn

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/isrlu/isrlu/internal/atomicfile"
	"github.com/isrlu/isrlu/internal/safetensors"
)

// The metadata of a checkpoint that the package writes itself.
const (
	// keyVersion is the version of what the other keys mean.
	keyVersion = "version"
	// keyNetwork is the network's description in JSON.
	keyNetwork = "network"
	// keyTrainer is a trainerRecord; a model's own checkpoint has none.
	keyTrainer = "trainer"
	// keyDigest is the SHA-256 of the file with this digest's 64 digits as
	// zeros, so that every byte counts.
	keyDigest = "digest"
)

const checkpointVersion = "1"

var reservedKeys = []string{keyVersion, keyNetwork, keyTrainer, keyDigest}

// optimizerPrefix begins the names of an optimizer's averages:
// optimizer.0.3.conv2d.weight is the first one of 3.conv2d.weight.
const optimizerPrefix = "optimizer."

// A trainerRecord is what a trainer's checkpoint says beside the tensors.
type trainerRecord struct {
	Step      int             `json:"step"`
	Batch     int             `json:"batch"`
	Seed      uint64          `json:"seed"`
	Precision string          `json:"precision"`
	Unfused   bool            `json:"unfused,omitempty"`
	Loss      string          `json:"loss"`
	ClipNorm  float64         `json:"clip_norm"`
	Optimizer optimizerRecord `json:"optimizer"`
	Schedule  scheduleRecord  `json:"schedule"`
}

// An optimizerRecord is an Optimizer.
type optimizerRecord struct {
	Name        string  `json:"name"`
	Momentum    float64 `json:"momentum"`
	Nesterov    bool    `json:"nesterov"`
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	Epsilon     float64 `json:"epsilon"`
	WeightDecay float64 `json:"weight_decay"`
}

// A scheduleRecord is a Schedule.
type scheduleRecord struct {
	Name   string  `json:"name"`
	Rate   float64 `json:"rate"`
	Final  float64 `json:"final"`
	Steps  int     `json:"steps"`
	Warmup int     `json:"warmup"`
}

// lossNames are the losses in files.
var lossNames = []string{SoftmaxCrossEntropy: "softmax_cross_entropy", MeanSquaredError: "mean_squared_error"}

// maxBatch bounds the batch that a file may ask for.
const maxBatch = 1 << 20

// Save writes the model as a safetensors file: all parameters, running means
// too, by their names, the network's description and the metadata, whose keys
// must not be version, network, trainer or digest. Equal models give equal bytes.
//
// The file is written beside path and renamed when it is whole and on the disk:
// after an error or a crash the old file, if there was one, is there.
func (m *Model[T]) Save(path string, metadata map[string]string) error {
	return m.save(path, metadata, m.tensors(), nil)
}

// Save writes the model as [Model.Save] does, and what it takes to train on: the
// optimizer's averages, the step and the options. Resume reads it.
func (t *Trainer[T]) Save(path string, metadata map[string]string) error {
	o := t.model.options
	return t.model.save(path, metadata, append(t.model.tensors(), t.tensors()...), &trainerRecord{
		Step: t.step, Batch: o.Batch, Seed: o.Seed, Precision: o.Precision.String(), Unfused: o.Unfused,
		Loss: lossNames[t.loss], ClipNorm: t.clip,
		Optimizer: optimizerRecord(t.optimizer), Schedule: scheduleRecord(t.schedule),
	})
}

// tensors returns the parameters as a file has them.
func (m *Model[T]) tensors() []safetensors.Tensor[T] {
	var list []safetensors.Tensor[T]
	for _, p := range m.params {
		list = append(list, safetensors.Tensor[T]{Name: p.Name, Shape: p.Shape, Data: p.Value})
	}
	return list
}

// tensors returns the optimizer's averages as a file has them.
func (t *Trainer[T]) tensors() []safetensors.Tensor[T] {
	var list []safetensors.Tensor[T]
	for i, p := range t.model.params {
		for k, s := range t.state[i] {
			list = append(list, safetensors.Tensor[T]{Name: fmt.Sprintf("%s%d.%s", optimizerPrefix, k, p.Name), Shape: p.Shape, Data: s})
		}
	}
	return list
}

func (m *Model[T]) save(path string, metadata map[string]string, tensors []safetensors.Tensor[T], r *trainerRecord) error {
	all := maps.Clone(metadata)
	if all == nil {
		all = map[string]string{}
	}
	for _, key := range reservedKeys {
		if _, ok := all[key]; ok {
			return fmt.Errorf("nn: the metadata of a checkpoint has the key %q of its own; take another one", key)
		}
	}
	network, err := json.Marshal(m.network)
	if err != nil {
		return fmt.Errorf("nn: %w", err)
	}
	all[keyVersion], all[keyNetwork] = checkpointVersion, string(network)
	if r != nil {
		trainer, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("nn: %w", err)
		}
		all[keyTrainer] = string(trainer)
	}
	all[keyDigest] = noDigest
	h := sha256.New()
	if err := safetensors.Write(h, all, tensors); err != nil {
		return fmt.Errorf("nn: %s: %w", path, err)
	}
	all[keyDigest] = hex.EncodeToString(h.Sum(nil))
	err = atomicfile.Replace(path, func(w io.Writer) error { return safetensors.Write(w, all, tensors) })
	if err != nil {
		return fmt.Errorf("nn: cannot write the checkpoint %s: %w", path, err)
	}
	return nil
}

// noDigest stands for the digest while it is computed.
var noDigest = strings.Repeat("0", 2*sha256.Size)
