package nn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/safetensors"
)

// Load makes a model of a checkpoint, of a model or a trainer, and returns it
// with the metadata that Save was given. The options are the caller's; only their
// seed has no part in the weights. An error names the file and what is wrong with
// it. A file whose digest is right but that holds another network than it says,
// or memory that its weights do not need, is an error as well.
func Load[T Float](path string, o Options) (*Model[T], map[string]string, error) {
	var m *Model[T]
	metadata, err := readFile(path, func(c *checkpoint) (err error) {
		m, err = load[T](c, o)
		return err
	})
	return m, metadata, err
}

// Resume makes a trainer of the checkpoint of a trainer, with its model at the
// step where it was saved, and returns it with the metadata that Save was given.
// Of the options it takes the threads and the units; all others are those of the file, so that
// training goes on with the same bits as if it had never stopped, on the same
// SIMD level.
func Resume[T Float](path string, o Options) (*Trainer[T], map[string]string, error) {
	var t *Trainer[T]
	metadata, err := readFile(path, func(c *checkpoint) (err error) {
		t, err = resume[T](c, o)
		return err
	})
	return t, metadata, err
}

// readFile opens a checkpoint, calls use and returns the caller's metadata.
func readFile(path string, use func(*checkpoint) error) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("nn: cannot read the checkpoint: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("nn: cannot read the checkpoint: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("nn: cannot read the checkpoint: %s is not a regular file", path)
	}
	c, err := readCheckpoint(f, info.Size())
	if err == nil {
		err = use(c)
	}
	if err != nil {
		return nil, fmt.Errorf("nn: the checkpoint %s: %s", path, strings.TrimPrefix(err.Error(), "nn: "))
	}
	metadata := maps.Clone(c.file.Metadata)
	for _, key := range reservedKeys {
		delete(metadata, key)
	}
	return metadata, nil
}

// A checkpoint is a file whose header and digest are right.
type checkpoint struct {
	file    *safetensors.File
	network Network
	trainer *trainerRecord // nil if there is none
}

func readCheckpoint(r io.ReaderAt, size int64) (*checkpoint, error) {
	f, err := safetensors.Open(r, size)
	if err != nil {
		return nil, err
	}
	version, ok := f.Metadata[keyVersion]
	if _, network := f.Metadata[keyNetwork]; !ok || !network {
		return nil, errors.New("it is a safetensors file, but not a checkpoint of this package: its metadata lacks version or network")
	}
	if version != checkpointVersion {
		return nil, fmt.Errorf("its version is %q, this program reads %q; take a newer program", version, checkpointVersion)
	}
	if err := checkDigest(f, r, size); err != nil {
		return nil, err
	}
	c := &checkpoint{file: f}
	if c.network, err = ReadNetwork(strings.NewReader(f.Metadata[keyNetwork])); err != nil {
		return nil, err
	}
	if text, ok := f.Metadata[keyTrainer]; ok {
		c.trainer = &trainerRecord{}
		if err := decode([]byte(text), c.trainer); err != nil {
			return nil, fmt.Errorf("the metadata %q: %w", keyTrainer, err)
		}
	}
	return c, nil
}

// checkDigest compares the digest in the metadata with the file's.
func checkDigest(f *safetensors.File, r io.ReaderAt, size int64) error {
	digest, ok := f.Metadata[keyDigest]
	if !ok {
		return fmt.Errorf("its metadata lacks %q", keyDigest)
	}
	at := bytes.Index(f.Header, []byte(`"`+digest+`"`)) + 1
	if len(digest) != len(noDigest) || at < 1 {
		return fmt.Errorf("its digest %q is not of SHA-256", digest)
	}
	const prefix = 8 // the length of the header
	h := sha256.New()
	from, to := int64(prefix+at), int64(prefix+at+len(digest))
	for _, part := range []io.Reader{io.NewSectionReader(r, 0, from), strings.NewReader(noDigest), io.NewSectionReader(r, to, size-to)} {
		if _, err := io.Copy(h, part); err != nil {
			return err
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != digest {
		return fmt.Errorf("its digest differs from the one it holds, %s: it is damaged, or was changed by another program; take a copy or train again", digest)
	}
	return nil
}

func load[T Float](c *checkpoint, o Options) (*Model[T], error) {
	m, err := newModel[T](c.network, o, limits{c.file.Elements(), maxTotal})
	if err != nil {
		return nil, err
	}
	m.Changed()
	if err = fill(c, m.tensors(), c.trainer != nil); err == nil {
		err = m.checkLearned()
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func resume[T Float](c *checkpoint, o Options) (*Trainer[T], error) {
	r := c.trainer
	if r == nil {
		return nil, errors.New("it holds a model without the state of its training; it cannot be resumed, only loaded")
	}
	if r.Batch < 1 || r.Batch > maxBatch {
		return nil, fmt.Errorf("its batch is %d, must be from 1 to %d", r.Batch, maxBatch)
	}
	if r.Step < 0 || r.Step > math.MaxInt32 {
		return nil, fmt.Errorf("its step is %d, must be from 0 to %d", r.Step, math.MaxInt32)
	}
	precision, err := isrlu.ParsePrecision(r.Precision)
	if err != nil {
		return nil, fmt.Errorf("its precision: %w", err)
	}
	loss := slices.Index(lossNames, r.Loss)
	if loss < 0 {
		return nil, fmt.Errorf("its loss is %q, must be one of %s", r.Loss, strings.Join(lossNames, ", "))
	}
	m, err := newModel[T](c.network, Options{
		Batch: r.Batch, Threads: o.Threads, Units: o.Units, Seed: r.Seed, Precision: precision, Unfused: r.Unfused,
	}, limits{c.file.Elements(), maxTotal})
	if err != nil {
		return nil, err
	}
	t, err := NewTrainer(m, TrainerOptions{
		Optimizer: Optimizer(r.Optimizer), Schedule: Schedule(r.Schedule), Loss: Loss(loss), ClipNorm: r.ClipNorm,
	})
	if err == nil {
		t.step = r.Step
		err = fill(c, append(m.tensors(), t.tensors()...), false)
	}
	if err == nil {
		err = m.checkLearned()
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return t, nil
}

// fill reads all tensors. The file must have no others, but for an optimizer's
// averages where those are to be left.
func fill[T Float](c *checkpoint, tensors []safetensors.Tensor[T], leave bool) error {
	known := map[string]bool{}
	for _, t := range tensors {
		known[t.Name] = true
		if err := safetensors.Read(c.file, t); err != nil {
			return err
		}
	}
	for _, name := range c.file.Names() {
		if !known[name] && !(leave && strings.HasPrefix(name, optimizerPrefix)) {
			return fmt.Errorf("tensor %q is extra: the network has none of that name", name)
		}
	}
	return nil
}

// checkLearned makes sure that the parameters of learned activations are some
// that functions take.
func (m *Model[T]) checkLearned() error {
	for _, p := range m.params {
		if p.Least == 0 {
			continue
		}
		for i, v := range p.Value {
			if !(v > 0) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("tensor %q: a parameter of a function must be positive and finite, but element %d is %v", p.Name, i, v)
			}
		}
	}
	return nil
}
