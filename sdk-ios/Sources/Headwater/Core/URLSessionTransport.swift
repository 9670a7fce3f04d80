import Foundation
internal import HeadwaterBinding

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Decides on an authentication challenge, as `URLSessionDelegate` does: to pin certificates, look at the challenge's
/// `protectionSpace.serverTrust` and answer `.cancelAuthenticationChallenge` when it is not yours.
public typealias ChallengeHandler =
    @Sendable (URLAuthenticationChallenge) -> (URLSession.AuthChallengeDisposition, URLCredential?)

/// Requests by URLSession, one at a time as the engine asks: no redirects, no cookies, no cache.
final class URLSessionTransport: HeadwaterBinding.Transport {
    private let session: URLSession
    private let owned: Bool
    private let factory: (@Sendable (URLRequest) -> URLRequest)?
    /// A settings request and an upload may bear the same number.
    private struct Key: Hashable {
        let method: String
        let id: UInt64
    }
    private let running = Guarded<[Key: URLSessionTask]>([:])
    private let unanswered = DispatchGroup()
    /// Seconds that requests which were taken back may still need; iOS gives about five when the time is up.
    private static let patience = 1.0

    init(_ values: Configuration.Values) {
        factory = values.requestFactory
        if let session = values.session {
            self.session = session()
            owned = false
            return
        }
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.timeoutIntervalForResource = values.requestTimeout ?? 30
        if !values.proxy.isEmpty { configuration.connectionProxyDictionary = values.proxy }
        session = URLSession(
            configuration: configuration, delegate: Delegate(challenge: values.challenge), delegateQueue: nil)
        owned = true
    }

    deinit {
        if owned { session.finishTasksAndInvalidate() }
    }

    func send(request: Request, reply: Reply) throws {
        guard let url = URL(string: request.url) else {
            reply.noAnswer()
            return
        }
        var outgoing = URLRequest(url: url)
        outgoing.httpMethod = request.method
        outgoing.timeoutInterval = Double(request.timeoutMs) / 1000
        for header in request.headers { outgoing.setValue(header.value, forHTTPHeaderField: header.name) }
        if request.method == "POST" { outgoing.httpBody = request.body }
        if let factory { outgoing = factory(outgoing) }
        let key = Key(method: request.method, id: request.id)
        let limit = Int(clamping: request.answerLimit)
        let task = session.dataTask(with: outgoing) { [running, unanswered] data, response, error in
            defer { unanswered.leave() }
            running.with { _ = $0.removeValue(forKey: key) }
            guard error == nil, let answer = response as? HTTPURLResponse else {
                reply.noAnswer()
                return
            }
            reply.answer(
                status: UInt16(clamping: answer.statusCode),
                retryAfter: answer.value(forHTTPHeaderField: "Retry-After"),
                location: answer.value(forHTTPHeaderField: "Location"),
                body: limit > 0 ? Data((data ?? Data()).prefix(limit)) : Data())
        }
        running.with { $0[key] = task }
        unanswered.enter()
        task.resume()
    }

    func cancel(id: UInt64) throws {
        // Only uploads are taken back.
        running.with { $0.removeValue(forKey: Key(method: "POST", id: id)) }?.cancel()
    }

    /// Takes everything back, and waits until all is answered.
    func cancelAll() {
        let tasks = running.with { running in
            defer { running = [:] }
            return Array(running.values)
        }
        tasks.forEach { $0.cancel() }
        _ = unanswered.wait(timeout: .now() + Self.patience)
    }
}

/// No redirects: an answer of 3xx is the engine's to judge.
private final class Delegate: NSObject, URLSessionTaskDelegate, Sendable {
    private let challenge: ChallengeHandler?

    init(challenge: ChallengeHandler?) { self.challenge = challenge }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        guard let decide = self.challenge else {
            completionHandler(.performDefaultHandling, nil)
            return
        }
        let (disposition, credential) = decide(challenge)
        completionHandler(disposition, credential)
    }
}
