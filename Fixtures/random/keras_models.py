"""Keras models drawn from a seed: stacks and branches of the layers that Docs/models.md says run, with odd sizes and options."""
import numpy as np

STEPS = 12
ACTIVATIONS = ["tanh", "relu", "sigmoid", "elu", "selu", "softplus", "softsign", "hard_sigmoid", "gelu", "silu", "linear",
               "exponential", "leaky_relu", "relu6", "mish", "celu", "tanh_shrink", "hard_tanh", "log_sigmoid", "hard_silu"]


class Draw:
    """One model in the making: what its rows are so far, and what may follow."""

    def __init__(self, random):
        self.random = random
        # Behind a mask no window may stand.
        self.masked = False
        # Of each window how many rows it spans, and by how many it moves on.
        self.windows = []

    def rows(self, steps):
        """How many rows there are behind so many steps."""
        for span, stride in self.windows:
            steps = max(0, (steps - span) // stride + 1)
        return steps

    def chance(self, share=0.5):
        return bool(self.random.random() < share)

    def below(self, bound, least=1):
        return int(self.random.integers(least, bound))

    def one_of(self, names):
        return names[int(self.random.integers(len(names)))]

    def input(self):
        """An Input, and what comes right behind it; and the inputs [1, STEPS] or [1, STEPS, width]."""
        from keras import Input, layers

        if self.chance(0.4):
            vocabulary, self.masked = self.below(50, 3), self.chance(0.3)
            begin = Input((None,), dtype="int32")
            x = self.random.integers(0, vocabulary, (1, STEPS)).astype(np.int32)
            return begin, layers.Embedding(vocabulary, self.below(40), mask_zero=self.masked)(begin), x
        width = self.below(12)
        begin = Input((None, width)) if self.chance(0.8) else Input(batch_shape=(1, None, width))
        x = self.random.normal(0, 1, (1, STEPS, width)).astype(np.float32)
        if self.chance(0.2):
            self.masked = True
            x[:, self.random.random(STEPS) < 0.3] = 0
            return begin, layers.Masking(mask_value=0.0)(begin), x
        if self.chance(0.2):
            mean, variance = self.random.normal(0, 1, width), self.random.uniform(0.5, 2, width)
            return begin, layers.Normalization(mean=mean, variance=variance)(begin), x
        return begin, begin, x

    def recurrent(self, each_step=True):
        from keras import layers

        kind = self.one_of(["SimpleRNN", "LSTM", "GRU"])
        options = {"use_bias": self.chance(0.8), "return_sequences": each_step, "activation": "tanh"}
        if self.chance(0.4):
            options["activation"] = self.one_of(ACTIVATIONS[:10])
        if kind != "SimpleRNN":
            options["recurrent_activation"] = self.one_of(["sigmoid", "sigmoid", "hard_sigmoid"])
        if kind == "GRU":
            options["reset_after"] = self.chance()
        if kind == "LSTM":
            options["unit_forget_bias"] = self.chance()
        if self.chance(0.2):
            options["dropout"] = 0.3
        if self.masked and each_step and self.chance(0.3):
            options["zero_output_for_mask"] = True
        return getattr(layers, kind)(self.below(40), **options)

    def activation(self):
        from keras import layers

        return self.one_of([
            layers.Activation(self.one_of(ACTIVATIONS)), layers.ReLU(), layers.ReLU(max_value=1.5), layers.LeakyReLU(0.2),
            layers.ELU(0.7), layers.Softmax()])

    def nothing(self):
        """A layer that does something in training only."""
        from keras import layers

        return self.one_of([layers.Dropout(0.4), layers.SpatialDropout1D(0.3), layers.GaussianNoise(0.2),
                            layers.GaussianDropout(0.2), layers.ActivityRegularization(0.1)])

    def norm(self):
        from keras import layers

        norms = [
            layers.LayerNormalization(center=self.chance(), scale=self.chance(), epsilon=self.one_of([1e-3, 1e-5])),
            layers.BatchNormalization(center=self.chance(), scale=self.chance()),
            layers.Rescaling(float(self.random.uniform(0.2, 2)), offset=float(self.random.normal())), layers.RMSNormalization()]
        # The last takes a mask away.
        return self.one_of(norms[:3] if self.masked else norms)

    def window(self):
        from keras import layers

        size, stride, dilation = self.below(4), self.below(3), 1
        if self.chance():
            window = self.one_of([layers.MaxPooling1D, layers.AveragePooling1D])(size, strides=stride)
        else:
            # Keras allows strides or a dilation.
            dilation = self.below(3) if stride == 1 else 1
            window = layers.Conv1D(self.below(40), size, strides=stride, dilation_rate=dilation,
                                   activation=self.one_of(ACTIVATIONS), use_bias=self.chance())
        self.windows.append(((size - 1) * dilation + 1, stride))
        return window

    def layer(self, x):
        """Some layer behind rows x."""
        import keras
        from keras import layers

        roll = self.random.random()
        if roll < 0.4:
            return self.recurrent()(x)
        if roll < 0.5 and not self.masked:
            return layers.Conv1D(self.below(40), self.below(5), padding="causal", dilation_rate=self.below(4),
                                 activation=self.one_of(ACTIVATIONS), use_bias=self.chance())(x)
        if roll < 0.6 and not self.masked:
            return self.window()(x)
        if roll < 0.7:
            dense = layers.Dense(self.below(40), activation=self.one_of(ACTIVATIONS), use_bias=self.chance())
            if self.chance(0.3):
                dense = keras.Sequential([dense, self.norm(), layers.Dense(self.below(9))]) if self.chance() else dense
                return layers.TimeDistributed(dense)(x)
            return dense(x)
        if roll < 0.8:
            return self.norm()(x)
        if roll < 0.85:
            return self.activation()(x)
        if roll < 0.9 or self.masked:
            return self.nothing()(x)
        other = layers.Dense(x.shape[-1], activation="tanh")(x)
        return self.one_of([layers.Add, layers.Multiply, layers.Concatenate, layers.Maximum, layers.Average])()([x, other])

    def end(self, x):
        """The last layers, and whether there is one answer for the steps so far (1), one a step (2) or several at the end (3)."""
        from keras import layers

        # A RepeatVector cannot stand behind windows.
        roll = self.random.random() * (0.85 if self.windows else 1)
        if roll < 0.5:
            x, form = self.recurrent()(x), 2
        elif roll < 0.75:
            x, form = self.recurrent(each_step=False)(x), 1
        elif roll < 0.85:
            # As running values.
            pooling = self.one_of([layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D])
            x, form = pooling()(self.recurrent()(x)), 1
        else:
            x = layers.RepeatVector(self.below(5))(self.recurrent(each_step=False)(x))
            # What is decoded is no longer masked.
            self.masked = False
            x, form = self.recurrent()(x), 3
        if self.chance(0.7):
            x = layers.Dense(self.below(9, 2), activation=self.one_of(["softmax", "linear", "sigmoid"]))(x)
        return x, form


def perturbed(model, random):
    """Weights that are not an initializer's zeros and ones; variances stay positive."""
    weights = [(weight.path, weight.numpy()) for weight in model.weights]
    return [np.abs(w) + random.uniform(0.1, 0.4, w.shape).astype(np.float32) if "variance" in name
            else w if w.dtype != np.float32
            else w + random.normal(0, 0.15, w.shape).astype(np.float32) for name, w in weights]


def answers(model, draw, x, form):
    """One answer for each prefix of the steps, None where a window is not yet full; or the rows at the end."""
    run = lambda inputs: np.asarray(model(inputs, training=False))[0]
    if form == 3:
        return list(run(x))
    found = []
    for t in range(STEPS):
        y = run(x[:, :t + 1]) if draw.rows(t + 1) else None
        if form == 1 and y is not None and np.isnan(y).all():
            # The mean of steps that are all masked.
            y = None
        found.append(y[-1] if y is not None and form == 2 else y)
    return found


def keras_model(random, folder):
    """Draws a model and saves it: its path, inputs, answers and the names of its layers."""
    import keras

    draw = Draw(random)
    begin, x, inputs = draw.input()
    for _ in range(draw.below(5)):
        x = draw.layer(x)
    x, form = draw.end(x)
    model = keras.Model(begin, x)
    model.set_weights(perturbed(model, random))
    path = folder / draw.one_of(["model.keras", "model.keras", "model.h5", "model.weights.h5"])
    if path.name == "model.weights.h5":
        model.save_weights(path)
        (folder / "model.json").write_text(model.to_json())
    else:
        model.save(path)
    return path, inputs[0], answers(model, draw, inputs, form), [layer.__class__.__name__ for layer in model.layers]
