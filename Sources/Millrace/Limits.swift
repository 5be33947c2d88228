/// Every bound in one place, with what happens when it is hit.
package enum Limits {
  /// One message, all parts.
  ///
  /// libzmq disconnects a peer that sends more (`ZMQ_MAXMSGSIZE` counts a
  /// part; the sum is checked on arrival and refused `too-large`).
  package static let messageBytes = 1 << 20

  /// Steps of one data message; more is refused `too-many-steps`.
  ///
  /// Text is not counted here: it is
  /// bounded by its bytes.
  package static let messageSteps = 4096

  /// How long an acknowledgement may wait for others of its stream, which it then stands for; it goes
  /// at once when nothing of the connection is under way.
  package static let acknowledgeMilliseconds: UInt64 = 5

  /// Refusals of parts of one text message; the last of them says how many more parts there are.
  package static let messageRefusals = 16

  /// Streams with state in memory.
  ///
  /// Another one is refused `too-many-streams`, which may be retried.
  package static let liveStreams = 10_000

  /// Open streams in all, with a store; `limits.streams` says another number.
  ///
  /// Those that are parked count: a few kB on the disk each. Another one is refused
  /// `too-many-streams`.
  package static let streams = 10_000_000

  /// Connections at one kind of endpoint; `limits.connections` says another number.
  ///
  /// The next one is disconnected, and may try again. The hello or data of a client beyond this one
  /// is refused `over-limit`.
  package static let connections = 1024

  /// Steps that one connection may have under way; more is refused `over-credit`.
  package static let creditSteps: UInt64 = 1024

  /// Bytes of text that one connection may have under way; more is refused `over-credit`.
  package static let creditTextBytes: UInt64 = 64 * 1024

  /// Steps under way from the tokenizer stage to one inference worker.
  ///
  /// At the bound the tokenizer
  /// stage stops reading its clients. Four full connections, and a longest text message on top.
  package static let workerSteps: UInt64 = 4 * 1024

  /// Answers under way from one worker to the sink.
  ///
  /// At the bound the worker stops stepping. With a store they are under way until the second commit
  /// behind them at the latest, which on a disk that is slow to sync takes 20 ms.
  package static let sinkAnswers: UInt64 = 8 * 1024

  /// Rows of one answer message, so that the first answers of a long message leave early.
  package static let answerRows = 64

  /// Steps that one stream may generate behind its end.
  package static let generatedSteps = 65_536

  /// Hypotheses of one stream's beam search, and the tokens of each: their distributions are kept.
  package static let beamWidth = 16
  package static let beamSteps = 256

  /// Forecast errors that a stream remembers for its anomaly score: 40 kB a stream.
  package static let anomalyWindow = 10_000

  /// Messages read from one socket before the loop looks at the others.
  package static let drainMessages = 64

  /// Answers kept for duplicates and reconnects, over all streams; the oldest go first, and a
  /// duplicate older than that is acknowledged with `"cached":false`.
  package static let answerCacheBytes = 64 << 20

  /// How long answers that a restart has computed again are held ready for a client that does not come,
  /// before its streams are saved behind them.
  package static let replyHoldMilliseconds: UInt64 = 60_000

  /// How long before a stop answers were given that are left in the store for the next start.
  ///
  /// `state.checkpoint` where that is longer. Whoever was cut off before has noticed by then.
  package static let leftAnswersMilliseconds: UInt64 = 6000

  /// Entries of one stream's cache that are looked through for a message that comes again.
  ///
  /// What is further back counts as no longer cached. Four for each step of a full credit.
  package static let repeatedEntries = 4096

  /// Bytes of the last inputs that each stream keeps for a swap that replays them: `state.rewarm`.
  package static let rewarmBytes = 64 << 10

  /// Models that are held at once; a swap beyond it is refused until streams of the older ones end.
  package static let models = 8

  /// How long a model file may take to be read and probed before the swap is given up.
  package static let swapMilliseconds: UInt64 = 50_000

  /// Ends that are remembered to acknowledge a repeated END; the oldest are forgotten.
  package static let closedStreams = 10_000

  /// Messages queued towards one client that does not read, before its answers wait in the daemon;
  /// what waits there is bounded by the connection's credit.
  package static let clientQueueMessages = 1000

  /// Bytes of refusals, repeated answers and bare ends that wait for one client that does not read.
  ///
  /// Beyond it one `over-limit` is queued and what the client sends is passed over until it reads.
  package static let uncreditedReplyBytes = 4 << 20

  /// Distinct prefixes that are subscribed to at one endpoint, over all subscribers.
  ///
  /// Each is kept by libzmq and looked at for every message: whoever asks for more is cut off.
  package static let subscriptions = 4096

  /// The list of clients that may come in.
  package static let clientListBytes = 4 << 20

  /// How long a peer may take to say who it is.
  package static let handshake = Duration.seconds(5)

  /// Messages queued towards one subscriber; more are dropped and show as holes in `sequence`.
  package static let subscriberQueueMessages = 1000

  /// Messages of taps on their way from one stage to the thread that publishes them.
  ///
  /// More are passed over and show as holes in `sequence`. A power of two.
  package static let tapQueueBytes = 1 << 20

  /// The same for messages longer than an eighth of that.
  package static let tapQueueLongBytes = 32 << 20

  /// The part of a processor that publishing taps may take where others want it, with what its
  /// subscribers take.
  ///
  /// One subscriber gets some 10,000 short messages a second for it.
  package static let publishingShare = 0.1

  /// Output lines that the store keeps for readers who come late, with `state.history`.
  ///
  /// The oldest go first; a reader that asks for them is told where its lines begin.
  package static let historyBytes = 1 << 30

  /// Kept lines that one subscription to `from:` gets; the reader asks for the next ones with another.
  ///
  /// Half of what may wait for a subscriber, so that none is lost to a reader that is slow.
  package static let historyPageLines = 500

  /// Readers of kept lines at one time; the next is refused `over-limit`.
  package static let historyReaders = 64

  /// Messages queued towards `millrace record`; more are holes, and end the recording of their
  /// streams.
  package static let recorderQueueMessages = 100_000

  /// Streams that one message of the tap `tap/tokenizer/streams/` names; those that moved most.
  package static let listedStreams = 1000

  /// Streams that are looked at for it, so that the look never holds up the stage.
  package static let examinedStreams = 20_000

  /// One message to the control socket, a file included: its sender is disconnected for more.
  package static let controlMessageBytes = 4 << 20

  /// The JSON of a request to the control socket; more is refused `too-large`.
  package static let controlRequestBytes = 64 << 10

  /// Requests to the control socket that are being answered at a time; the next is refused `busy`.
  package static let controlRequests = 64

  /// Requests that are read in one turn of the loop, so that no stream waits for them.
  package static let controlDrain = 8

  /// Streams that one turn of the loop lists.
  package static let controlPage = 200

  /// How long a reply waits for a peer that does not read; then it is dropped.
  package static let controlReplyMilliseconds: UInt64 = 10_000

  /// How long a worker has to answer a question about a stream; then whoever asked is told.
  package static let questionMilliseconds: UInt64 = 15_000

  /// Room for the other parts of a message between stages that carries a state.
  package static let stateOverheadBytes = 4096

  /// Numbers of a state that are shown as JSON; more are to be exported.
  package static let shownStateFloats = 16_384

  /// Streams that are on their way to other daemons at a time; the next is refused `busy`.
  package static let heldStreams = 64

  /// How long a stream waits for word from the daemon that it goes to; then it goes on here.
  package static let holdMilliseconds: UInt64 = 10_000

  /// Bytes of what is sent to such a stream meanwhile; more is refused `over-limit`, and may be sent
  /// again.
  package static let heldBytes = 8 << 20

  /// An endpoint that a stream is said to have moved to.
  package static let endpointBytes = 256

  /// Checkpoints to rewind to in memory, over all streams; the oldest go first.
  package static let pastBytes = 256 << 20

  /// Checkpoints to rewind to of one stream.
  package static let pastCheckpoints = 1000

  /// How often parked streams are looked through for those that expire.
  package static let expirySweepMilliseconds: UInt64 = 200

  /// How often it is kept how long daemons have run with a store.
  package static let runTimeMilliseconds: UInt64 = 10_000

  /// A pipeline file.
  package static let pipelineFileBytes = 1 << 20
}
