import CRecurrentKernels

/// An activation as the kernels call it: by a fast function of theirs where there is one.
struct RowFunction: BitwiseCopyable {
  private enum Way: BitwiseCopyable {
    case nothing
    case unit(mr_unit_function)
    case softmax
    case plain(UnsafePointer<Activation>)
  }

  private let way: Way

  /// - Parameter activation: in memory that outlives this value.
  init(_ activation: UnsafePointer<Activation>) {
    way =
      switch activation.pointee {
      case .linear: .nothing
      case .tanh: .unit(MR_TANH)
      case .sigmoid: .unit(MR_SIGMOID)
      case .relu: .unit(MR_RELU)
      case .exponential: .unit(MR_EXPONENTIAL)
      case .hardSigmoid: .unit(MR_HARD_SIGMOID)
      case .hardSigmoidKeras2: .unit(MR_HARD_SIGMOID_KERAS2)
      case .softmax: .softmax
      default: .plain(activation)
      }
  }

  /// Replaces `count` rows of `width` values.
  func apply(to rows: UnsafePointer<UnsafeMutablePointer<Float>?>, count: Int, width: Int) {
    switch way {
    case .nothing: return
    case .unit(let function): mr_apply(function, Int32(width), Int32(count), rows)
    case .softmax: mr_softmax(Int32(width), Int32(count), rows)
    case .plain(let activation):
      for index in 0..<count {
        guard let row = rows[index] else { continue }
        activation.pointee.apply(to: row, count: width)
      }
    }
  }
}

extension mr_activation {
  /// The activation of a recurrent layer, which the kernels call for one gate of one stream.
  ///
  /// `usual` is the one they have themselves. `activation` must outlive this value.
  init(_ activation: UnsafePointer<Activation>, usual: Activation) {
    self.init()
    guard activation.pointee != usual else { return }
    context = UnsafeRawPointer(activation)
    apply = { context, row, count in
      guard let context, let row else { return }
      context.assumingMemoryBound(to: Activation.self).pointee.apply(to: row, count: Int(count))
    }
  }
}
