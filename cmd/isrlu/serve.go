package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/internal/bench"
	"github.com/isrlu/isrlu/serve"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	serve.Options
	onnxInput
	listen, certificate, key, tokens string
	maxBody, maxMemory               string
	logFormat, logLevel              string
	batch, threads, instances        int
	reusePort, insecure              bool
}

var (
	logFormats = []string{"text", "json"}
	logLevels  = []string{"debug", "info", "warn", "error"}
)

func newServeCmd() *cobra.Command {
	o := &serveFlags{Options: serve.Options{}.WithDefaults()}
	cmd := &cobra.Command{
		Use:   "serve model...",
		Short: "Answer requests over HTTP with the outputs of models",
		Long: `serve answers requests over HTTP for models: checkpoints of "isrlu train", and files
that end in .onnx. A model is called as its file without the ending, or what stands
before =, as in name=file.

It speaks the Open Inference Protocol, also called KServe v2 (/v2/models/NAME/infer, in
JSON or with binary tensors), which clients of Triton and KServe know. Beside it there is
/predict for people: it takes numbers, pixels or a PNG, and tells class and
probabilities. /metrics is for Prometheus.

  curl --data-binary @seven.png http://127.0.0.1:8080/predict

Requests that wait are joined into batches of up to --max-batch samples; with --max-delay
a batch waits so long to become full. Each answer has the bits that the model gives for
its input alone.

It prints its URL on stdout when it is ready. SIGTERM or an interrupt ends it: it says
that it is not ready, goes on for --drain-delay, answers the requests that it has, and
ends with status 0. An address that other machines reach needs a token and TLS, or
--insecure.`,
		Example: `  isrlu serve digits.safetensors
  isrlu serve digits=a.safetensors other=b.onnx --listen 127.0.0.1:9000
  isrlu serve digits.safetensors --max-batch 32 --max-delay 2ms --instances 2
  isrlu serve digits.safetensors --listen :8443 --tls-cert cert.pem --tls-key key.pem --token-file tokens`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	o.register(cmd)
	return cmd
}

func (o *serveFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.listen, "listen", "l", "127.0.0.1:8080", "address and port, 0 for any that is free; or systemd, for a socket that it passes")
	f.IntVar(&o.batch, "max-batch", 32, "most samples that run at once")
	f.DurationVar(&o.MaxDelay, "max-delay", 0, "how long a sample may wait for a batch to become full")
	f.IntVar(&o.instances, "instances", 1, "copies of each model, which run batches at the same time")
	f.IntVar(&o.threads, "threads", 0, "cores for each copy (default all, shared among the copies)")
	f.IntVar(&o.QueueRows, "max-queue", o.QueueRows, "most samples that wait, of each model")
	f.IntVar(&o.MaxRows, "max-rows", 0, "most samples of a request (default --max-queue)")
	f.StringVar(&o.maxBody, "max-body", "16Mi", "most bytes of a request")
	f.StringVar(&o.maxMemory, "max-memory", "256Mi", "most bytes that all requests together hold")
	f.IntVar(&o.MaxConcurrent, "max-concurrent", o.MaxConcurrent, "most requests that are worked on or wait")
	f.IntVar(&o.MaxConnections, "max-connections", o.MaxConnections, "most connections")
	f.DurationVar(&o.Timeout, "timeout", o.Timeout, "longest that a request waits for its outputs")
	f.DurationVar(&o.HeaderTimeout, "header-timeout", o.HeaderTimeout, "longest for a client to send the header of a request")
	f.DurationVar(&o.ReadTimeout, "read-timeout", o.ReadTimeout, "longest for a client to send a request")
	f.DurationVar(&o.WriteTimeout, "write-timeout", o.WriteTimeout, "longest for a client to take an answer")
	f.DurationVar(&o.IdleTimeout, "idle-timeout", o.IdleTimeout, "longest that a connection stays open between requests")
	f.DurationVar(&o.DrainDelay, "drain-delay", 0, "how long it goes on when it is to end, saying that it is not ready")
	f.DurationVar(&o.ShutdownTimeout, "shutdown-timeout", o.ShutdownTimeout, "longest that it then waits for the requests that it has")
	f.BoolVar(&o.reusePort, "reuse-port", false, "share the port with other processes, for rolling restarts")
	f.StringVar(&o.certificate, "tls-cert", "", "file with the certificate chain, in PEM, for TLS 1.2 and later")
	f.StringVar(&o.key, "tls-key", "", "file with the certificate's key, in PEM")
	f.StringVar(&o.tokens, "token-file", "", "file with bearer tokens, one a line, of which clients must show one")
	f.BoolVar(&o.insecure, "insecure", false, "let other machines connect without a token or without TLS")
	f.StringVar(&o.logFormat, "log-format", logFormats[0], "format of the log on stderr: "+strings.Join(logFormats, ", "))
	f.StringVar(&o.logLevel, "log-level", "info", "least level that is logged: "+strings.Join(logLevels, ", ")+"; debug logs all requests")
	o.registerShape(f)
	o.registerPixels(f)
	completeOne(cmd, "log-format", logFormats)
	completeOne(cmd, "log-level", logLevels)
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"safetensors", "onnx"}, cobra.ShellCompDirectiveFilterFileExt
	}
}

// optionFlags are the flags of options, for errors about these.
var optionFlags = strings.NewReplacer(
	"MaxDelay", "--max-delay", "QueueRows", "--max-queue", "MaxRows", "--max-rows", "MaxBody", "--max-body", "MaxMemory", "--max-memory",
	"MaxConcurrent", "--max-concurrent", "MaxConnections", "--max-connections", "HeaderTimeout", "--header-timeout", "ReadTimeout", "--read-timeout",
	"WriteTimeout", "--write-timeout", "IdleTimeout", "--idle-timeout", "DrainDelay", "--drain-delay", "ShutdownTimeout", "--shutdown-timeout", "Timeout", "--timeout",
)

// check makes sure that the flags make sense, and reads what they name.
func (o *serveFlags) check(cmd *cobra.Command) error {
	if o.batch < 1 || o.batch > 1<<14 || o.instances < 1 || o.instances > 256 || o.threads < 0 || o.threads > 1<<12 {
		return usagef("--max-batch must be from 1 to %d, --instances from 1 to 256 and --threads from 0 to %d, got %d, %d and %d", 1<<14, 1<<12, o.batch, o.instances, o.threads)
	}
	// To package serve a zero is a default.
	for _, name := range []string{"max-queue", "max-rows", "max-concurrent", "max-connections", "timeout", "header-timeout", "read-timeout", "write-timeout", "idle-timeout", "shutdown-timeout"} {
		if f := cmd.Flags().Lookup(name); f.Changed && (f.Value.String() == "0" || f.Value.String() == "0s") {
			return usagef("--%s must be more than 0", name)
		}
	}
	for _, size := range []struct {
		flag, text string
		to         *int64
	}{{"max-body", o.maxBody, &o.MaxBody}, {"max-memory", o.maxMemory, &o.MaxMemory}} {
		n, err := bench.ParseSize(size.text)
		if err != nil {
			return usagef("--%s: %s", size.flag, strings.Replace(err.Error(), "elements", "bytes", 1))
		}
		*size.to = int64(n)
	}
	if err := o.Options.Check(); err != nil {
		return usagef("%s", optionFlags.Replace(strings.TrimPrefix(err.Error(), "serve: ")))
	}
	if (o.certificate == "") != (o.key == "") {
		return usagef("--tls-cert and --tls-key go together, got one of them")
	}
	if o.listen == serve.SystemdAddress && o.reusePort {
		return usagef("--reuse-port is for an address; the socket of --listen systemd is shared anyway")
	}
	if !slices.Contains(logFormats, o.logFormat) {
		return usagef("--log-format must be one of %s, got %q", strings.Join(logFormats, ", "), o.logFormat)
	}
	if !slices.Contains(logLevels, o.logLevel) {
		return usagef("--log-level must be one of %s, got %q", strings.Join(logLevels, ", "), o.logLevel)
	}
	var err error
	if o.tokens != "" {
		if o.Tokens, err = serve.ReadTokenFile(o.tokens); err != nil {
			return fmt.Errorf("--token-file: %w", err)
		}
	}
	if o.certificate != "" {
		if o.TLS, err = serve.LoadTLS(o.certificate, o.key); err != nil {
			return err
		}
	}
	return nil
}

func (o *serveFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		panic(err) // check knows the levels
	}
	options := &slog.HandlerOptions{Level: level}
	if o.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func (o *serveFlags) run(cmd *cobra.Command, args []string) error {
	if err := o.check(cmd); err != nil {
		return err
	}
	o.Log, o.Version = o.logger(cmd.ErrOrStderr()), version()
	if o.threads == 0 {
		o.threads = max(1, runtime.GOMAXPROCS(0)/o.instances)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	models, closeModels, err := o.load(args)
	defer closeModels()
	if err != nil {
		return err
	}
	l, err := serve.Listen(o.listen, o.reusePort)
	if err != nil {
		return err
	}
	defer l.Close()
	if !serve.IsLoopback(l.Addr()) && (o.Tokens == nil || o.TLS == nil) {
		if !o.insecure {
			return usagef("other machines can connect to %s: give --token-file, --tls-cert and --tls-key, or --insecure if something before this server sees to that, or --listen 127.0.0.1:8080", l.Addr())
		}
		o.Log.Warn("other machines can connect, and nothing keeps out those that should not, or those that listen", "address", l.Addr().String(), "tokens", o.Tokens != nil, "tls", o.TLS != nil)
	}
	server, err := serve.New(o.Options, models...)
	if err != nil {
		return err
	}
	scheme := "http"
	if o.TLS != nil {
		scheme = "https"
	}
	o.Log.Info("ready", "address", l.Addr().String(), "tls", o.TLS != nil, "tokens", o.Tokens != nil, "pid", os.Getpid())
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s://%s\n", scheme, l.Addr()); err != nil {
		return err
	}
	if err := server.Serve(ctx, l); err != nil {
		return err
	}
	server.Close()
	return nil
}
