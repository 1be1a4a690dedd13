import Foundation

/// A test pattern of 20 by 12 pixels as FFmpeg writes it.
enum SamplePictures {
    static let png = bytes(
        "iVBORw0KGgoAAAANSUhEUgAAABQAAAAMCAIAAADtbgqsAAAACXBIWXMAAAABAAAAAQBPJcTWAAAAcklEQVR4nGNggIH/UPQf"
            + "giC8/zA+VA6kDsSHAAZkzUiKcWqGKqOmZqh7iND8H6Z9VDOpmkEsH4b/Mxj+P2E4/5+h+T+DOUhIhOF/AsP/NQz/fzDs/s+Q"
            + "/59B+b8Gw/8Shv8HQEZ9/s+w/D9DNGWaKUkkAMpuXNTC5SJgAAAAAElFTkSuQmCC")
    static let jpeg = bytes(
        "/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAgEBAQEBAUFBQUFBQYGBgYGBgYGBgYGBgYHBwcI"
            + "CAgHBwcGBgcHCAgICAkJCQgICAgJCQoKCgwMCwsODg4RERT/xACAAAEBAQEAAAAAAAAAAAAAAAAGBQMHAQEBAQEAAAAAAAAA"
            + "AAAAAAAGBAUDEAABAwIFBAAHAQAAAAAAAAABAwQCEgUAEQYhByMiFBO0UTgWNIUzFREAAQQBAwIFAQkBAAAAAAAAAgMEAQUG"
            + "ExIRAAciIRYVFFF2YYW0Qjg0I7VB/8AAEQgADAAUAwESAAISAAMSAP/aAAwDAQACEQMRAD8AG8SsG8ePX1wpzXnqEtaiImhJ"
            + "NgmplA01CuSnUFWUqIbbYo8XaxUfaEuDY2TTyCba6t4R8dgUypJZqoZLK9YiS2SUYhQAGnY4S9t2SEPXb3jlY0Pj8zA+FMDA"
            + "+BnbujeR+ON3E7R8vLo7hmDnc3j/AJyvMmAIt0FhSr7iW6REqooJQQaBxMcJj9J+/rY7VZNaqdzfTGpsrW+MWVzpAS0a7x1Z"
            + "VbXeuGron8dFrw2LShRPXXjfMHxHWupmua5IxUElcXcvq3JBVe4xIVL0Uaxzjsotk3EAscIGdksaqRbhk00iHbIzuWaa+nOz"
            + "fufirrjCDL7h4Vst68l3aN7kf8y0K+Haei4uA/EpU/p681e/uM5/PBHvh+5HKPwP/KqutvO809F95b7HPTmK5H8Yaofeckq/"
            + "dL1fWr69Tlw+10dSU9TYlOnG1MAH9PRqP5/bT7eY9+dV6go6P2W0wdT3O3svcMvpWW2yd/KBlrOTD5LGNMNB0lxuRV8W0pme"
            + "J66rw4/cXPjawOXEq1Sm7TlPORlP0vXCInMzlKUpyEBKcid5EnbELj7jlO46KsbxPVOs7aHDOKxaW67hqySkpKUp+lENpUCU"
            + "yZS3JMiSTmcVsXq9gzQcLzuUkBAi5KZPS/qgikiKZMoCJOZnzKZnqt26B3KC4M2TGFWrVWUGSMINwJVEFS2JxM8RuOf+8/Xp"
            + "PlWM1WIZHa1FUnoMk3SrpFCBRTTb+4T840EU0Ekk026Kjgk2yYh4ERAZmZjmdBz3CdLWVwDqhxl6o0ubqsFy7rzXcrI1lm5Y"
            + "IGuqbmZNWUG6eoXkMlztEY4iP//Z")
    static let webP = bytes(
        "UklGRvQAAABXRUJQVlA4IOgAAABQBgCdASoUAAwAPpE4l0eloyIhMAgAsBIJbACdL1J6SyUnUAPQA/YDrN/Jud6VVvCjpi67"
            + "Hw9/PUyaAAD++goVd1emFosaIfMqqqddA/5S+zFCPOVacLu1/azk+3ZHFQJNPAfMDr88v7d5Z/+xH0w2X2/RdAIF/+1+dSf5"
            + "g//NEWJOG2hH/qjRAo/Ov73tWAoygCs49y/3X+DzD57c70V9P7Mf049aHP88/G4h6s1EnSo4ua/9vt79/av/yEBFp/i90ZJW"
            + "jxg/V5McbuA8lEZQTY9PNfEjtjvDLex/Kn95p5SiUTBP8LgA")
    static let losslessWebP = bytes(
        "UklGRnIAAABXRUJQVlA4TGYAAAAvE8ACAGAUSVKk8oIdvGAHL9jBR3HuvX+EbCRpcM7gxN7gxd7gkeqokSRHChDLzrPz7M7+"
            + "sv8DQQgBQAhRlIgYA5al1GQdgjusE/AXEMlU/LxcNthmj/1LpQrFxIkXXtgxXnPpSgE=")

    private static func bytes(_ text: String) -> [UInt8] {
        Array(Data(base64Encoded: text) ?? Data())
    }
}
