package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/gomlx/backends"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/gomlx"
	"github.com/isrlu/isrlu/nn"
)

// A session is a training that is under way.
type session struct {
	o        *options
	set      *data.Set
	trainer  *trainer
	metadata map[string]string
	batch    int // images of a step
	perEpoch int // steps
	backend  string
}

func newSession(ctx context.Context, o *options, b backends.Backend) (*session, error) {
	set, err := data.Load(ctx, o.data, data.Options{Dir: o.dataDir, Train: o.train, Test: o.test})
	if err != nil {
		return nil, err
	}
	s := &session{o: o, set: set, backend: strings.TrimSpace(b.Description())}
	m, err := s.model()
	if err != nil {
		return nil, err
	}
	devices := cmp.Or(o.devices, b.NumDevices())
	if s.batch = o.batch / devices * devices; s.batch == 0 || set.Train.Len() < devices {
		return nil, usagef("%d devices need a batch of at least as many images, and as many images in the set; got -batch %d", devices, o.batch)
	}
	s.perEpoch = (set.Train.Len() + s.batch - 1) / s.batch
	if rest := set.Train.Len() % s.batch; rest > 0 && rest < devices {
		s.perEpoch--
	}
	s.trainer, err = newTrainer(b, m, o.learning(o.epochs*s.perEpoch), devices)
	return s, err
}

// model makes the network or reads it, and the metadata of its checkpoint.
func (s *session) model() (*gomlx.Model, error) {
	if s.o.from != "" {
		m, metadata, err := gomlx.Load(s.o.from)
		if err != nil {
			return nil, err
		}
		s.metadata = metadata
		// They are those of isrlu train, which cannot resume what was trained here.
		delete(s.metadata, "settings")
		delete(s.metadata, "data")
		if err := s.checkImages(m); err != nil {
			return nil, fmt.Errorf("%s: %w", s.o.from, err)
		}
		return m, s.sameImages()
	}
	n, err := s.network()
	if err != nil {
		return nil, err
	}
	m, err := gomlx.New(n, s.o.seed)
	if err != nil {
		return nil, err
	}
	if err := s.checkImages(m); err != nil {
		return nil, fmt.Errorf("-network %s: %w", s.o.network, err)
	}
	s.metadata, err = describe(s.set)
	return m, err
}

// network returns the built-in network, or that of the file.
func (s *session) network() (nn.Network, error) {
	n, err := experiment.Builtin(experiment.Tasks[0], s.o.network)
	if err != nil {
		f, openErr := os.Open(s.o.network)
		if errors.Is(openErr, fs.ErrNotExist) {
			return n, usagef("-network: %w, or a file, but there is none of that name", err)
		}
		if openErr != nil {
			return n, openErr
		}
		defer f.Close()
		if n, err = nn.ReadNetwork(f); err != nil {
			return n, fmt.Errorf("%s: %w", s.o.network, err)
		}
	}
	return experiment.Choose(n, s.o.activation), nil
}

// checkImages makes sure that the network is one for the set.
func (s *session) checkImages(m *gomlx.Model) error {
	if err := experiment.Fits(m.Network().Input, s.set.Train); err != nil {
		return err
	}
	if got, want := m.Output().Size(), len(s.set.Classes); got != want {
		return fmt.Errorf("the network has %d outputs, but %s has %d classes", got, s.o.data, want)
	}
	return nil
}

// sameImages makes sure that images are normalized as the checkpoint's network has
// learned them.
func (s *session) sameImages() error {
	train, test := s.set.Images()
	for _, m := range []*data.Images{train, test} {
		for key, to := range map[string]*float32{"mean": &m.Mean, "std": &m.Std} {
			v, err := strconv.ParseFloat(s.metadata[key], 32)
			if err != nil || key == "std" && !(v > 0) || math.IsInf(v, 0) || math.IsNaN(v) {
				return fmt.Errorf("%s: its metadata has %s %q, expected a number; take a checkpoint of isrlu train or of this command", s.o.from, key, s.metadata[key])
			}
			*to = float32(v)
		}
	}
	return nil
}

// describe returns the metadata by which isrlu predict knows the images.
func describe(set *data.Set) (map[string]string, error) {
	m, _ := set.Images()
	classes, err := json.Marshal(set.Classes)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"mean":    strconv.FormatFloat(float64(m.Mean), 'g', -1, 32),
		"std":     strconv.FormatFloat(float64(m.Std), 'g', -1, 32),
		"image":   fmt.Sprintf("[%d,%d,%d]", m.Height, m.Width, m.Channels),
		"classes": string(classes),
	}, nil
}

// run trains to the end of the last epoch and saves after each.
func (s *session) run(ctx context.Context, stdout, stderr io.Writer) error {
	// A folder that cannot be written shows now, not after the first epoch.
	if err := s.trainer.model.Save(s.o.output, s.metadata); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s with %s on %d images of %s, %d steps of %d an epoch, on %s\n",
		cmp.Or(s.trainer.model.Network().Name, "network"), s.trainer.model.Network().Activation, s.set.Train.Len(), s.o.data, s.perEpoch, s.batch, plural(s.trainer.devices, "device"))
	for epoch := range s.o.epochs {
		begun := time.Now()
		loss, err := s.epoch(ctx, epoch, stderr)
		if err != nil {
			return err
		}
		took := time.Since(begun)
		testLoss, accuracy, err := s.evaluate(ctx)
		if err != nil {
			return err
		}
		if err := s.trainer.model.Save(s.o.output, s.metadata); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "epoch %d/%d  loss %.4f  test loss %.4f  test accuracy %.2f%%  %.0f images/s  %v\n",
			epoch+1, s.o.epochs, loss, testLoss, 100*accuracy, float64(s.set.Train.Len())/took.Seconds(), time.Since(begun).Round(100*time.Millisecond))
	}
	fmt.Fprintf(stdout, "saved %s; \"isrlu predict\" reads it\n", s.o.output)
	return nil
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// epoch trains on all images once and returns the mean loss.
func (s *session) epoch(ctx context.Context, epoch int, stderr io.Writer) (float64, error) {
	order := data.Permutation(s.set.Train.Len(), s.o.seed, epoch)
	x, labels := make([]float32, s.batch*s.set.Train.Size()), make([]int, s.batch)
	sum, images := 0., 0
	begun, shown, drawn := time.Now(), time.Now(), false
	for i := range s.perEpoch {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("stopped in epoch %d; %s holds the weights of before: %w", epoch+1, s.o.output, err)
		}
		indices := order[i*s.batch : min((i+1)*s.batch, len(order))]
		n := len(indices) / s.trainer.devices * s.trainer.devices // as many for each device
		indices = indices[:n]
		s.set.Train.Fill(x[:n*s.set.Train.Size()], labels[:n], indices)
		loss, err := s.trainer.train(x[:n*s.set.Train.Size()], int32s(labels[:n]))
		if err != nil {
			return 0, err
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return 0, fmt.Errorf("the loss is %v at step %d, in epoch %d: training has diverged; take a smaller -lr", loss, s.trainer.step, epoch+1)
		}
		sum, images = sum+loss*float64(n), images+n
		if terminal(stderr) && time.Since(shown) > time.Second {
			shown, drawn = time.Now(), true
			left := time.Duration(float64(time.Since(begun)) / float64(i+1) * float64(s.perEpoch-i-1))
			fmt.Fprintf(stderr, "\repoch %d/%d  step %d/%d  loss %.4f  %v left   ", epoch+1, s.o.epochs, i+1, s.perEpoch, sum/float64(images), left.Round(time.Second))
		}
	}
	if drawn {
		fmt.Fprintf(stderr, "\r%*s\r", 79, "")
	}
	return sum / float64(images), nil
}

// terminal tells whether a person may be looking.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// evaluate returns the mean loss and the accuracy on the test set.
func (s *session) evaluate(ctx context.Context) (loss, accuracy float64, err error) {
	test, classes := s.set.Test, len(s.set.Classes)
	x, labels, indices := make([]float32, s.batch*test.Size()), make([]int, s.batch), make([]int, s.batch)
	p := make([]float64, classes)
	correct := 0
	for from := 0; from < test.Len(); from += s.batch {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		// The last batch is filled up, so that one graph serves all.
		for i := range indices {
			indices[i] = min(from+i, test.Len()-1)
		}
		test.Fill(x, labels, indices)
		y, err := s.trainer.logits(x, s.batch)
		if err != nil {
			return 0, 0, err
		}
		for i := range min(s.batch, test.Len()-from) {
			row := y[i*classes:][:classes]
			nn.Softmax(p, row)
			loss -= math.Log(max(p[labels[i]], 1e-300))
			if slices.Index(row, slices.Max(row)) == labels[i] {
				correct++
			}
		}
	}
	n := float64(test.Len())
	return loss / n, float64(correct) / n, nil
}

func int32s(labels []int) []int32 {
	list := make([]int32, len(labels))
	for i, l := range labels {
		list[i] = int32(l)
	}
	return list
}
