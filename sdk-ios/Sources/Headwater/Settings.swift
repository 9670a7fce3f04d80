/// The settings document of the source.
public struct Settings: Sendable, Hashable {
    /// The whole document.
    public let document: JSON

    /// From the whole document.
    public init(document: JSON) { self.document = document }

    /// A document that names the hub alone.
    public init(writeKey: String) { document = ["integrations": ["Segment.io": ["apiKey": .string(writeKey)]]] }

    /// An entry for each destination.
    public var integrations: JSON? { document["integrations"] }
    /// The tracking plan.
    public var plan: JSON? { document["plan"] }
    /// As the document has it; the SDK does nothing with it.
    public var edgeFunction: JSON? { document["edgeFunction"] }
    /// As the document has it.
    public var middlewareSettings: JSON? { document["middlewareSettings"] }
    /// As the document has it; the SDK sends no telemetry.
    public var metrics: JSON? { document["metrics"] }
    /// As the document has it; the SDK's consent is configured by ``Configuration/consent(_:)``.
    public var consentSettings: JSON? { document["consentSettings"] }

    /// A destination's entry as a type of yours.
    public func integrationSettings<T: Decodable>(forKey key: String) -> T? {
        try? integrations?[key]?.decoded(as: T.self)
    }

    /// A destination's entry as plain values.
    public func integrationSettings(forKey key: String) -> [String: Any]? { integrations?[key]?.dictionaryValue }

    /// The plugin's entry as a type of yours.
    public func integrationSettings<T: Decodable>(forPlugin plugin: any DestinationPlugin) -> T? {
        integrationSettings(forKey: plugin.key)
    }

    /// Whether there is an entry under this key.
    public func hasIntegrationSettings(key: String) -> Bool { integrations?[key] != nil }

    /// Whether there is an entry for this plugin.
    public func hasIntegrationSettings(forPlugin plugin: any DestinationPlugin) -> Bool {
        hasIntegrationSettings(key: plugin.key)
    }
}
