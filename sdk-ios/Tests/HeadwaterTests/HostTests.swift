import Foundation
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@testable import Headwater

/// Sees every request of a session, and answers it without a network.
private final class Witness: URLProtocol {
    typealias Answer = (status: Int, headers: [String: String], body: String)
    static let seen = Guarded<[URL]>([])
    static let answers = Guarded<[String: Answer]>([:])

    override class func canInit(with request: URLRequest) -> Bool { true }
    override class func canonicalRequest(for request: URLRequest) -> URLRequest { request }
    override func startLoading() {
        guard let url = request.url else { return }
        Self.seen.with { $0.append(url) }
        let answer: Answer = Self.answers.with { $0[url.absoluteString] } ?? (200, [:], "{}")
        guard
            let response = HTTPURLResponse(
                url: url, statusCode: answer.status, httpVersion: "HTTP/1.1", headerFields: answer.headers)
        else { return }
        client?.urlProtocol(self, didReceive: response, cacheStoragePolicy: .notAllowed)
        client?.urlProtocol(self, didLoad: Data(answer.body.utf8))
        client?.urlProtocolDidFinishLoading(self)
    }
    override func stopLoading() {}
}

/// Where events go: nowhere that the app did not name. One after the other: a session's protocol has no state of its own.
@Suite(.serialized) struct HostTests {
    private func start(
        _ answers: [String: Witness.Answer] = [:], _ configure: (Configuration) -> Configuration
    ) -> (Analytics, Heard<Diagnostic>) {
        Witness.seen.with { $0 = [] }
        Witness.answers.with { $0 = answers }
        let heard = Heard<Diagnostic>()
        let configuration = Configuration(writeKey: "key").storageMode(.memory(10_000)).operatingMode(.synchronous)
            .migratesFromAnalyticsSwift(false).onDiagnostic { heard.add($0) }
            .httpSession {
                let configuration = URLSessionConfiguration.ephemeral
                configuration.protocolClasses = [Witness.self]
                return URLSession(configuration: configuration)
            }
        return (Analytics(configuration: configure(configuration)), heard)
    }

    private func asked() -> [String] { Witness.seen.with { $0.map(\.absoluteString) } }

    private func until(_ holds: () -> Bool) async throws {
        for _ in 0..<12_000 where !holds() { try await Task.sleep(nanoseconds: 5_000_000) }
        try #require(holds())
    }

    @Test func withoutAHostNobodyIsAskedEverythingWaitsAndItIsTold() async throws {
        let (analytics, heard) = start { $0 }
        analytics.track(name: "e")
        await analytics.flush()
        try await until { heard.all.contains { $0.kind == "no_endpoint" } }
        #expect(asked() == [])
        #expect(analytics.pendingEvents == 1)
    }

    @Test func withACdnHostAloneTheDocumentNamesTheHostAndNothingIsSentBefore() async throws {
        let document = #"{"integrations":{"Segment.io":{"apiHost":"hub.test/moved"}}}"#
        let (analytics, _) = start(["https://cdn.test/v1/projects/key/settings": (200, [:], document)]) {
            $0.cdnHost("cdn.test")
        }
        analytics.track(name: "e")
        await analytics.flush()
        try await until { analytics.pendingEvents == 0 }
        #expect(asked() == ["https://cdn.test/v1/projects/key/settings", "https://hub.test/moved/b"])
    }

    @Test func aDocumentThatCannotBeHadLeavesItsOwnHost() async throws {
        let (analytics, _) = start(["https://cdn.test/own/projects/key/settings": (404, [:], "")]) {
            $0.cdnHost("cdn.test/own")
        }
        analytics.track(name: "e")
        await analytics.flush()
        try await until { analytics.pendingEvents == 0 }
        #expect(asked().last == "https://cdn.test/v1/b")
    }

    @Test func addressesLeadWhereTheVectorsSay() async throws {
        let cases = try #require(try VectorTests().vectors("engine/addresses.json")["addresses"]?.arrayValue)
        for row in cases {
            let given = try #require(row["given"]?.stringValue)
            let device = try #require(row["device"]?.stringValue)
            let (analytics, _) = start { $0.apiHost(given).fetchSettings(false) }
            analytics.track(name: "e")
            await analytics.flush()
            try await until { analytics.pendingEvents == 0 }
            #expect(asked() == [device])
        }
    }

    @Test func aRedirectIsNoDeliveryItIsToldAndTheEventStays() async throws {
        for status in [301, 302, 307, 308] {
            let moved: Witness.Answer = (status, ["Location": "https://elsewhere.test/v1/b"], "")
            let (analytics, heard) = start(["https://hub.test/v1/b": moved]) {
                $0.apiHost("hub.test").fetchSettings(false)
            }
            analytics.track(name: "e")
            await analytics.flush()
            try await until { heard.all.contains { $0.kind == "redirected" && $0.detail.contains("https://elsewhere.test/v1/b") } }
            #expect(analytics.pendingEvents == 1)
            #expect(Set(asked()) == ["https://hub.test/v1/b"])
        }
    }

    @Test func a307WithinTheOriginIsFollowedOnceAndDelivers() async throws {
        let (analytics, _) = start(["https://hub.test/v1/b": (307, ["Location": "/v2/b"], "")]) {
            $0.apiHost("hub.test").fetchSettings(false)
        }
        analytics.track(name: "e")
        await analytics.flush()
        try await until { analytics.pendingEvents == 0 }
        #expect(asked() == ["https://hub.test/v1/b", "https://hub.test/v2/b"])
    }
}
