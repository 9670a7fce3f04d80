// headwater-swift-cli: the Swift SDK from a command line. `--input '<json>'` is the contract of tests/conformance;
// `bench` measures a call.
import Foundation
import Headwater

let arguments = CommandLine.arguments.dropFirst()

switch (arguments.first, arguments.dropFirst().first) {
case ("--input", let text?):
    exit(answer(to: text))
case ("bench", let folder):
    bench(folder: folder)
default:
    print(
        """
        headwater-swift-cli --input '<json>'   one run by the contract of tests/conformance/README.md
        headwater-swift-cli --input @FILE      the same from a file
        headwater-swift-cli bench [FOLDER]     what a call costs its caller
        """)
    exit(2)
}

func answer(to text: String) -> Int32 {
    var document: JSON
    do {
        let text = text.hasPrefix("@") ? try String(contentsOfFile: String(text.dropFirst()), encoding: .utf8) : text
        document = try Drive(try JSON(text: text)).run()
    } catch {
        document = ["success": false, "sentBatches": 0, "error": .string("\(error)")]
    }
    print(document)
    return document["success"]?.boolValue == true ? 0 : 1
}
