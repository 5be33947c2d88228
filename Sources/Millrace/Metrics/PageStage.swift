import Monitoring

/// The thread of the page's subscriber.
struct PageStage: Stage {
  let feed: PageFeed

  var name: String { "page" }

  func run(_ control: StageControl) throws {
    control.ready()
    try feed.run(context: control.context, stop: control.stop)
  }
}
