import Recurrence

extension PipelineFile {
  /// Why a tap of gates would stay empty on the model that the file names.
  ///
  /// - Returns: nil where it has gates, or cannot be read here.
  package var reasonForNoGates: String? {
    // why: it is only looked at for a hint; the daemon may read it where this process cannot
    let found = try? PipelineBuilder(self).readModel(at: model).model  // why: as said above
    guard let found, !found.hasGates else { return nil }
    return "\(self.model) has no layer with gates (LSTM, GRU): nothing will come while the daemon "
      + "serves it; what its layers keep is in inference/state/"
  }
}
