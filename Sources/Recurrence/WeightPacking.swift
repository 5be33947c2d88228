import CRecurrentKernels
import Dispatch
import Synchronization

/// Weights on their way into the kernels' form: read block by block, checked, and packed while they
/// are in cache, by two threads where there are many.
struct WeightPacking {
  /// What the kernels hold them in.
  enum Target: BitwiseCopyable {
    case cell(OpaquePointer, isRecurrent: Bool)
    case dense(OpaquePointer)

    func pack(_ rows: UnsafeBufferPointer<Float>, first: Int, count: Int) {
      switch self {
      case .cell(let cell, let isRecurrent):
        mr_cell_pack_rows(cell, isRecurrent, Int32(first), Int32(count), rows.baseAddress)
      case .dense(let dense):
        mr_dense_pack_rows(dense, Int32(first), Int32(count), rows.baseAddress)
      }
    }
  }

  private struct Block: @unchecked Sendable {  // why: no two blocks write the same rows
    let matrix: Matrix
    let index: Int
    let tensor: String
    let place: LayerPlace
    let target: Target

    func pack(_ room: inout [Float]) throws(ModelError) {
      do throws(WeightFault) {
        try matrix.withBlock(index, room: &room) { rows, first in
          target.pack(rows, first: first, count: rows.count / matrix.columns)
        }
      } catch {
        throw error.error(place, tensor)
      }
    }
  }

  /// With fewer weights a second thread is not worth its start.
  private static let weightsForTwoThreads = 1 << 20
  private static let threadCount = 2

  private var blocks: [Block] = []
  private var weightCount = 0

  mutating func add(_ matrix: Matrix, _ tensor: String, _ place: LayerPlace, to target: Target) {
    weightCount += matrix.rows * matrix.columns
    for index in 0..<matrix.blockCount {
      blocks.append(
        Block(matrix: matrix, index: index, tensor: tensor, place: place, target: target))
    }
  }

  /// Packs all blocks.
  ///
  /// - Throws: the fault of the first block that has one.
  func run() throws(ModelError) {
    guard weightCount >= Self.weightsForTwoThreads else {
      var room: [Float] = []
      for block in blocks { try block.pack(&room) }
      return
    }
    let next = Atomic<Int>(0)
    let faults = Mutex<[(block: Int, error: ModelError)]>([])
    DispatchQueue.concurrentPerform(iterations: Self.threadCount) { _ in
      var room: [Float] = []
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < blocks.count else { return }
        do throws(ModelError) {
          try blocks[index].pack(&room)
        } catch {
          faults.withLock { $0.append((index, error)) }
        }
      }
    }
    let first = faults.withLock { faults in faults.min { $0.block < $1.block } }
    if let first { throw first.error }
  }
}
