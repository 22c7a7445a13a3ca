// Command mnist trains a network of images with GoMLX, on all devices of a machine that
// XLA finds, or on its processor.
//
//	go run ./examples/mnist -epochs 5 -o digits.safetensors
//	go run ./examples/mnist -data mnist -activation isrlu:3:learn-channel -batch 512
//	go run ./examples/mnist -from digits.safetensors -o better.safetensors
//	go run ./examples/mnist -bench
//
// It reads the sets of images of package data, as isrlu train does, begins with the
// weights that isrlu train begins with or with those of a checkpoint, and writes a
// checkpoint that isrlu predict reads.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/nn"
)

// options are the flags.
type options struct {
	network, activation string
	data, dataDir       string
	train, test         int
	epochs, batch       int
	rate, final         float64
	schedule            string
	seed                uint64
	from, output        string
	force               bool
	backend             string
	devices             int
	install             bool
	bench               bool
	benchTime           time.Duration
	elements            int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		fmt.Fprintln(os.Stderr, "mnist:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "mnist:", err)
		os.Exit(1)
	}
}

// A usageError is about the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("mnist", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintf(stderr, "Usage: mnist [flags]\n\nTrain a network of images with GoMLX, and save it as a checkpoint of isrlu.\n\n")
		f.PrintDefaults()
	}
	builtins := strings.Join(experiment.Tasks[0].Builtins(), ", ")
	f.StringVar(&o.network, "network", "conv4", "`network`: one of "+builtins+", or a file with one in JSON; residual and normalizing layers are not there for GoMLX")
	f.StringVar(&o.activation, "activation", "isrlu", "`function` of the layers that name none, as in isrlu train; :learn or :learn-channel after it makes alpha a weight")
	f.StringVar(&o.data, "data", "digits", "`set` of images: "+strings.Join(data.Names(), ", "))
	f.StringVar(&o.dataDir, "data-dir", "", "`folder` with the IDX files of mnist or fashion-mnist (default: downloaded once)")
	f.IntVar(&o.train, "train-images", 0, "take the first `n` images only (default all; digits: 10000)")
	f.IntVar(&o.test, "test-images", 0, "the same for the test set (default all; digits: 2000)")
	f.IntVar(&o.epochs, "epochs", 5, "passes over the training set")
	f.IntVar(&o.batch, "batch", 100, "images of a step, on all devices together")
	f.Float64Var(&o.rate, "lr", 0.003, "learning rate of the first step")
	f.Float64Var(&o.final, "final-lr", 0.0001, "learning rate of the last step, unless it is constant")
	f.StringVar(&o.schedule, "schedule", "exponential", "`way` from one to the other: "+strings.Join(nn.ScheduleNames, ", "))
	f.Uint64Var(&o.seed, "seed", 1, "seed of the first weights, of the order of images and of dropout")
	f.StringVar(&o.from, "from", "", "begin with the network and the weights of this `checkpoint`")
	f.StringVar(&o.output, "o", "model.safetensors", "checkpoint to write, after each epoch")
	f.BoolVar(&o.force, "force", false, "replace a checkpoint that is there")
	f.StringVar(&o.backend, "backend", "", "GoMLX's `backend`, as in GOMLX_BACKEND: go, xla, xla:cuda, xla:/path/to/plugin.so (default: XLA if it has a plugin, else go)")
	f.IntVar(&o.devices, "devices", 0, "number of devices (default all)")
	f.BoolVar(&o.install, "install", false, "let GoMLX download the PJRT plugins for this machine first")
	f.BoolVar(&o.bench, "bench", false, "measure the time of functions and training steps, and train nothing")
	f.DurationVar(&o.benchTime, "bench-time", 2*time.Second, "with -bench: time for each measurement")
	f.IntVar(&o.elements, "bench-elements", 1<<24, "with -bench: float32 elements that functions run on")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, usageError{err}
	}
	if f.NArg() > 0 {
		return nil, usagef("it takes flags only, got %q", f.Arg(0))
	}
	if o.from != "" {
		for _, name := range []string{"network", "activation"} {
			given := false
			f.Visit(func(g *flag.Flag) { given = given || g.Name == name })
			if given {
				return nil, usagef("-%s is that of the checkpoint; leave it out beside -from", name)
			}
		}
	}
	return o, o.check()
}

// check makes sure of the flags' values, before any work is done.
func (o *options) check() error {
	const most = 1 << 20
	if o.epochs < 1 || o.batch < 1 || o.epochs > most || o.batch > most {
		return usagef("-epochs and -batch must be from 1 to %d, got %d and %d", most, o.epochs, o.batch)
	}
	if o.train < 0 || o.test < 0 || o.devices < 0 {
		return usagef("-train-images, -test-images and -devices must not be less than 0, got %d, %d and %d", o.train, o.test, o.devices)
	}
	if o.elements < 1 || o.elements > 1<<30 || o.benchTime < 0 {
		return usagef("-bench-elements must be from 1 to %d and -bench-time not negative, got %d and %v", 1<<30, o.elements, o.benchTime)
	}
	if err := experiment.CheckActivation(o.activation); err != nil {
		return usagef("-activation: %w", err)
	}
	if err := o.learning(1).Check(); err != nil {
		return usageError{err}
	}
	return nil
}

// learning returns the learning rates of so many steps.
func (o *options) learning(steps int) nn.Schedule {
	if o.schedule == "constant" {
		return nn.Constant(o.rate)
	}
	return nn.Schedule{Name: o.schedule, Rate: o.rate, Final: o.final, Steps: steps}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if !o.bench && !o.force {
		if _, err := os.Stat(o.output); !errors.Is(err, fs.ErrNotExist) {
			return usagef("%s is there already; replace it with -force, or write another file with -o", o.output)
		}
	}
	backend, err := open(o, stderr)
	if err != nil {
		return err
	}
	defer backend.Finalize()
	if o.bench {
		return bench(ctx, o, backend, stdout)
	}
	s, err := newSession(ctx, o, backend)
	if err != nil {
		return err
	}
	return s.run(ctx, stdout, stderr)
}
