import Foundation

/// The calls of the spec. What properties and traits cannot say in JSON is told to `errorHandler`, and the call is not made.
extension Analytics {
    // MARK: track

    /// Something happened.
    public func track(name: String, enrichments: [EnrichmentClosure]? = nil) {
        process(TrackEvent(event: name), enrichments)
    }

    /// Something happened, with properties of a type of yours.
    public func track<P: Encodable>(name: String, properties: P?, enrichments: [EnrichmentClosure]? = nil) {
        with(properties) { self.process(TrackEvent(event: name, properties: $0), enrichments) }
    }

    /// Something happened, with properties of plain values.
    @_disfavoredOverload
    public func track(name: String, properties: [String: Any]?, enrichments: [EnrichmentClosure]? = nil) {
        with(dictionary: properties) { self.process(TrackEvent(event: name, properties: $0), enrichments) }
    }

    // MARK: identify

    /// The user is known from now on. Traits are added to those that are known of the same user.
    public func identify(userId: String, enrichments: [EnrichmentClosure]? = nil) {
        process(IdentifyEvent(userId: userId), enrichments)
    }

    /// The user is known from now on, with traits of a type of yours.
    public func identify<T: Encodable>(userId: String, traits: T?, enrichments: [EnrichmentClosure]? = nil) {
        with(traits) { self.process(IdentifyEvent(userId: userId, traits: $0), enrichments) }
    }

    /// The user is known from now on, with traits of plain values.
    @_disfavoredOverload
    public func identify(userId: String, traits: [String: Any]?, enrichments: [EnrichmentClosure]? = nil) {
        with(dictionary: traits) { self.process(IdentifyEvent(userId: userId, traits: $0), enrichments) }
    }

    /// More is known of the current user.
    public func identify<T: Encodable>(traits: T, enrichments: [EnrichmentClosure]? = nil) {
        with(traits) { self.process(IdentifyEvent(traits: $0), enrichments) }
    }

    /// More is known of the current user, as plain values.
    @_disfavoredOverload
    public func identify(traits: [String: Any], enrichments: [EnrichmentClosure]? = nil) {
        with(dictionary: traits) { self.process(IdentifyEvent(traits: $0), enrichments) }
    }

    // MARK: screen

    /// A screen was seen.
    public func screen(title: String, category: String? = nil, enrichments: [EnrichmentClosure]? = nil) {
        process(ScreenEvent(title: title, category: category), enrichments)
    }

    /// A screen was seen, with properties of a type of yours.
    public func screen<P: Encodable>(
        title: String, category: String? = nil, properties: P?, enrichments: [EnrichmentClosure]? = nil
    ) {
        with(properties) {
            self.process(ScreenEvent(title: title, category: category, properties: $0), enrichments)
        }
    }

    /// A screen was seen, with properties of plain values.
    @_disfavoredOverload
    public func screen(
        title: String, category: String? = nil, properties: [String: Any]?, enrichments: [EnrichmentClosure]? = nil
    ) {
        with(dictionary: properties) {
            self.process(ScreenEvent(title: title, category: category, properties: $0), enrichments)
        }
    }

    // MARK: group

    /// The user belongs to an account.
    public func group(groupId: String, enrichments: [EnrichmentClosure]? = nil) {
        process(GroupEvent(groupId: groupId), enrichments)
    }

    /// The user belongs to an account, with traits of a type of yours.
    public func group<T: Encodable>(groupId: String, traits: T?, enrichments: [EnrichmentClosure]? = nil) {
        with(traits) { self.process(GroupEvent(groupId: groupId, traits: $0), enrichments) }
    }

    /// The user belongs to an account, with traits of plain values.
    @_disfavoredOverload
    public func group(groupId: String, traits: [String: Any]?, enrichments: [EnrichmentClosure]? = nil) {
        with(dictionary: traits) { self.process(GroupEvent(groupId: groupId, traits: $0), enrichments) }
    }

    // MARK: alias

    /// This id continues the current user's.
    public func alias(newId: String, enrichments: [EnrichmentClosure]? = nil) {
        process(AliasEvent(newId: newId), enrichments)
    }

    // MARK: any

    /// An event made elsewhere: what it says of itself (`messageId`, `timestamp`, ids, `context`) stays.
    public func process(event: some RawEvent, enrichments: [EnrichmentClosure]? = nil) {
        process(event, enrichments)
    }

    private func with(_ value: (some Encodable)?, _ make: (JSON?) -> Void) {
        do { make(try value.map { try JSON($0, numbers: values.numbers) }) } catch { fail(error) }
    }

    private func with(dictionary: [String: Any]?, _ make: (JSON?) -> Void) {
        do { make(try dictionary.map { try JSON(dictionary: $0, numbers: values.numbers) }) } catch { fail(error) }
    }

    private func process(_ event: some RawEvent, _ enrichments: [EnrichmentClosure]?) {
        guard enabled else { return }
        var event = event
        if !values.autoAddSegmentDestination {
            event.integrations = JSON.object(["Segment.io": false]).merging(event.integrations ?? .object([:]))
        }
        pipeline.take(event, enrichments ?? [], self)
    }
}
