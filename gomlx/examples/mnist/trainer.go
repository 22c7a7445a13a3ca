package main

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/distributed"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	gctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"

	"github.com/isrlu/isrlu/gomlx"
	"github.com/isrlu/isrlu/nn"
)

// A trainer trains a model on one device, or on several: each takes its part of every
// batch, and XLA adds up their gradients. All have the same weights.
type trainer struct {
	model    *gomlx.Model
	trainer  *train.Trainer
	predict  *gctx.Exec
	schedule nn.Schedule
	devices  int
	step     int
	shards   *distributed.ShardingSpec // of a batch; nil on one device
	assigned []backends.DeviceNum
}

// meshAxis is the name of the axis along which batches are parted.
const meshAxis = "data"

func newTrainer(b backends.Backend, m *gomlx.Model, schedule nn.Schedule, devices int) (*trainer, error) {
	t := &trainer{model: m, schedule: schedule, devices: devices}
	// Adam as package nn has it.
	adam := optimizers.Adam().LearningRate(schedule.Rate).Epsilon(1e-8).Done()
	t.trainer = train.NewTrainer(b, m.Context(), m.Graph, losses.SparseCategoricalCrossEntropyLogits, adam, nil, nil)
	var err error
	if t.predict, err = gctx.NewExec(b, m.Context(), m.Logits); err != nil {
		return nil, fmt.Errorf("%s", firstLine(err))
	}
	if devices == 1 {
		return t, nil
	}
	mesh, err := distributed.NewDeviceMesh([]int{devices}, []string{meshAxis})
	if err != nil {
		return nil, fmt.Errorf("%s", firstLine(err))
	}
	if t.shards, err = distributed.BuildSpec(mesh).S(meshAxis).Done(); err != nil {
		return nil, fmt.Errorf("%s", firstLine(err))
	}
	for d := range devices {
		t.assigned = append(t.assigned, backends.DeviceNum(d))
	}
	t.predict = t.predict.AutoSharding(mesh).WithInputShardingSpecs(t.shards).
		WithOutputShardingSpecs(distributed.NewReplicatedShardingSpec(mesh)).WithDeviceAssignment(t.assigned)
	return t, nil
}

// train trains on the images of a batch, as many for each device, and returns its mean
// loss.
func (t *trainer) train(x []float32, labels []int32) (loss float64, err error) {
	// GoMLX throws some errors.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("step %d: %v", t.step+1, r)
		}
	}()
	rate := optimizers.LearningRateVar(t.model.Context(), dtypes.Float32, t.schedule.Rate)
	if err := rate.SetValue(tensors.FromScalar(float32(t.schedule.At(t.step)))); err != nil {
		return 0, err
	}
	n := len(labels)
	images := tensors.FromFlatDataAndDimensions(x, n, len(x)/n)
	classes := tensors.FromFlatDataAndDimensions(labels, n, 1)
	var metrics []*tensors.Tensor
	if t.shards == nil {
		metrics, err = t.trainer.TrainStep(nil, []*tensors.Tensor{images}, []*tensors.Tensor{classes})
	} else {
		metrics, err = t.distributed(images, classes)
	}
	free(images, classes)
	if err != nil {
		return 0, fmt.Errorf("step %d: %s", t.step+1, firstLine(err))
	}
	t.step++
	loss = float64(tensors.ToScalar[float32](metrics[0]))
	free(metrics...)
	return loss, nil
}

// distributed runs a training step on all devices.
func (t *trainer) distributed(images, classes *tensors.Tensor) ([]*tensors.Tensor, error) {
	in, err := distributed.ShardTensor(t.shards, images)
	if err != nil {
		return nil, err
	}
	defer free(in)
	want, err := distributed.ShardTensor(t.shards, classes)
	if err != nil {
		return nil, err
	}
	defer free(want)
	return t.trainer.DistributedTrainStep(distributed.AutoSharding, t.assigned, nil, []*distributed.Tensor{in}, []*distributed.Tensor{want})
}

// logits returns the outputs for images, as many for each device.
func (t *trainer) logits(x []float32, n int) ([]float32, error) {
	images := tensors.FromFlatDataAndDimensions(x, n, len(x)/n)
	defer free(images)
	if t.shards == nil {
		out, err := t.predict.Exec1(images)
		if err != nil {
			return nil, fmt.Errorf("%s", firstLine(err))
		}
		defer free(out)
		return tensors.CopyFlatData[float32](out)
	}
	in, err := distributed.ShardTensor(t.shards, images)
	if err != nil {
		return nil, fmt.Errorf("%s", firstLine(err))
	}
	defer free(in)
	out, err := t.predict.DistributedExec(in)
	if err != nil {
		return nil, fmt.Errorf("%s", firstLine(err))
	}
	defer free(out...)
	return tensors.CopyFlatData[float32](out[0].Shards()[0])
}

// free gives memory of devices back before the garbage collector would. An error would
// only be about what is gone already.
func free[T interface{ FinalizeAll() error }](list ...T) {
	for _, t := range list {
		_ = t.FinalizeAll()
	}
}
